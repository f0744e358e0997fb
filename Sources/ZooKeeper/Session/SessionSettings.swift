// SPDX-License-Identifier: Apache-2.0

/// The settings of one session.
package struct SessionSettings: Sendable {
    package var machine: SessionStateMachine.Settings
    package var chroot: ZNodePath
    package var requestTimeout: Duration
    package var maximumRequestsUnderWay: Int
    package var maximumRequestLength: Int
    package var hasCredentials: Bool
    /// The C client sets all watches again in one packet, and the server reads packets up to a limit.
    package var watchBudget = 900_000
    /// The limit of the wait of `close` for requests under way.
    package var closeGrace: Duration
    /// The limit of the rest of `close` when nothing is held any more. The C client itself needs up to 4.5 s with a
    /// frozen server.
    package var transportCloseTimeout = Duration.seconds(6)
    /// The limit of the wait of `close` for bodies to end; `nil`: the negotiated time-out.
    package var closeTimeout: Duration?
    /// The time without a connection after which the servers are looked at, and the log says what they do.
    package var diagnosisDelay = Duration.milliseconds(1_500)

    package init(
        machine: SessionStateMachine.Settings, chroot: ZNodePath, requestTimeout: Duration,
        maximumRequestsUnderWay: Int, maximumRequestLength: Int, hasCredentials: Bool, closeGrace: Duration,
        closeTimeout: Duration?
    ) {
        self.machine = machine
        self.chroot = chroot
        self.requestTimeout = requestTimeout
        self.maximumRequestsUnderWay = maximumRequestsUnderWay
        self.maximumRequestLength = maximumRequestLength
        self.hasCredentials = hasCredentials
        self.closeGrace = closeGrace
        self.closeTimeout = closeTimeout
    }
}
