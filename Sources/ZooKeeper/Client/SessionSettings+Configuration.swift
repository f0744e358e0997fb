// SPDX-License-Identifier: Apache-2.0

extension SessionSettings {
    /// The settings of each session of a client with this configuration.
    package init(_ configuration: ZooKeeperConfiguration) {
        self.init(
            machine: SessionStateMachine.Settings(
                requestedTimeout: configuration.sessionTimeout,
                margin: configuration.leaseMargin,
                abandonAfter: configuration.abandonAfter),
            chroot: configuration.chroot,
            requestTimeout: configuration.requestTimeout ?? configuration.sessionTimeout,
            maximumRequestsUnderWay: configuration.maximumRequestsUnderWay,
            maximumRequestLength: configuration.maximumRequestLength,
            hasCredentials: !configuration.credentials.isEmpty,
            closeGrace: configuration.closeGrace,
            closeTimeout: configuration.closeTimeout)
        // In time for the error of a caller that waits for the first connection.
        diagnosisDelay = min(diagnosisDelay, configuration.connectTimeout / 3)
    }
}
