package import ZooKeeper

/// What one contender needs to know of its recipe.
package struct ContenderSettings: Sendable {
    package var dialect: LineDialect
    package var policy: ContentionPolicy
    package var data: [UInt8]
    package var accessControl: AccessControl
    /// What ends the lease.
    package var lossPolicy = LossPolicy.onDeadline
    /// Whoever wants to see the place in line.
    package var position: QueuePosition?

    package init(dialect: LineDialect, policy: ContentionPolicy, data: [UInt8], accessControl: AccessControl) {
        self.dialect = dialect
        self.policy = policy
        self.data = data
        self.accessControl = accessControl
    }
}
