package import ZooKeeper

/// The settings of one contender, which its recipe makes.
package struct ContenderSettings: Sendable {
    package var dialect: LineDialect
    package var policy: ContentionPolicy
    package var data: [UInt8]
    package var accessControl: AccessControl
    /// The trouble that ends the lease.
    package var lossPolicy = LossPolicy.onDeadline
    /// Shows the position in the queue, if the caller wants to see it.
    package var position: QueuePosition?

    package init(dialect: LineDialect, policy: ContentionPolicy, data: [UInt8], accessControl: AccessControl) {
        self.dialect = dialect
        self.policy = policy
        self.data = data
        self.accessControl = accessControl
    }
}
