// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The settings of the contenders of one recipe, made once: an object, because every acquisition hands it on.
package final class ContenderSettings: Sendable {
    package let context: ContenderMachine.Context
    package let policy: ContentionPolicy
    /// The trouble that ends the lease.
    package let lossPolicy: LossPolicy
    /// The treatment of other kinds of lock in the directory.
    package let mixedKinds: MixedKindsPolicy
    /// Take in what is measured; `nil` if nobody measures.
    package let instruments: LockInstruments?

    package init(
        at directory: ZNodePath, dialect: LineDialect, policy: ContentionPolicy, data: [UInt8],
        accessControl: AccessControl, directoryAccessControl: AccessControl? = nil,
        ancestorAccessControl: AccessControl = .open, lossPolicy: LossPolicy = .onDeadline,
        mixedKinds: MixedKindsPolicy = .refuse, instruments: LockInstruments? = nil
    ) {
        context = ContenderMachine.Context(
            directory: directory, dialect: dialect, kind: policy.kind, data: data, accessControl: accessControl,
            directoryAccessControl: directoryAccessControl ?? accessControl,
            ancestorAccessControl: ancestorAccessControl)
        self.policy = policy
        self.lossPolicy = lossPolicy
        self.mixedKinds = mixedKinds
        self.instruments = instruments
    }

    /// The reason why the directory must not be created with its access control: nobody could take part then, not even the
    /// one that creates it, and the directory would stay.
    var directoryFault: ZooKeeperError? {
        let permissions = context.directoryAccessControl.entries.reduce(AccessControl.Permissions()) {
            $0.union($1.permissions)
        }
        // An empty list is refused by the create, which says so.
        guard !context.directoryAccessControl.entries.isEmpty, !permissions.isSuperset(of: [.read, .create, .delete])
        else { return nil }
        return ZooKeeperError(
            .invalidArgument, path: directory.string, operation: "create",
            message: """
                the directory of the lock does not exist, and with the access control that it would get nobody could take part: \
                that needs READ, CREATE and DELETE; set directoryAccessControl, which is otherwise as accessControl
                """)
    }

    package var directory: ZNodePath { context.directory }
    package var dialect: LineDialect { context.dialect }
    package var data: [UInt8] { context.data }
    package var accessControl: AccessControl { context.accessControl }
}
