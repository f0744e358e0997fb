// SPDX-License-Identifier: Apache-2.0

#if Metrics
import CoreMetrics
#endif
#if Tracing
import Tracing
#endif

/// The settings of a client: the ensemble that it connects to, and its time-outs.
///
/// ```swift
/// var configuration: ZooKeeperConfiguration = "zk1:2181,zk2:2181,zk3:2181/billing"
/// configuration.sessionTimeout = .seconds(6)
/// ```
public struct ZooKeeperConfiguration: Sendable, Hashable {
    /// The servers to try. Their names are resolved for each session, and again whenever its connection is lost: a
    /// session follows servers that get other addresses. See also ``ZooKeeperClient/update(servers:)``.
    public var servers: [ServerAddress]

    /// The order in which the servers are tried. Default: another one each time.
    public var serverOrder = ServerOrder.random

    /// Takes the servers from the ensemble's configuration (`/zookeeper/config`), which changes when it is reconfigured,
    /// as soon as it can be read; until then, and where it names none that clients can reach, those in ``servers``.
    /// Default: `false`.
    public var followsEnsemble = false

    /// The node under which the client lives: every path is relative to it. It must exist; nothing creates it.
    public var chroot: ZNodePath

    /// The session time-out: the servers keep the session, and its ephemeral nodes, for so long without hearing of it.
    /// They may negotiate another value (2 to 20 ticks). At least 1 ms. Default: 10 s.
    ///
    /// Several servers do not need a longer one: when one is silent, the client looks at all of them after a sixth of
    /// this time, 1.5 s at most, and the session goes on at one that answers.
    public var sessionTimeout: Duration = .seconds(10)

    /// The limit of the wait for the first connection, after which an operation throws `connectTimeout`. Default: 15 s.
    public var connectTimeout: Duration = .seconds(15)

    /// The limit of the wait for a lost connection, after which an operation throws `connectionLoss`; and the time
    /// within which a read whose answer was lost may be sent again. `nil`, the default: as long as ``sessionTimeout``.
    public var requestTimeout: Duration?

    /// The distance from the end of the time-out, counted from the sending of the last request that the leader has
    /// answered, at which the session stops vouching for locks. `nil`, the default: a sixth of the negotiated time-out
    /// plus 1 s, at least 2 s. Add half a tick of the servers if their `tickTime` is above 2 s. At most half of the
    /// negotiated time-out counts.
    public var leaseMargin: Duration?

    /// The limit of the wait of ``ZooKeeperClient/run()`` and ``ZooKeeperClient/close()`` for bodies that hold a lock.
    /// Past that they return with a warning in the log; the lock is kept until its body has ended, or until this
    /// process ends.
    /// `nil`, the default: the negotiated time-out.
    public var closeTimeout: Duration?

    /// The limit of the wait for the answers to requests under way when a session is closed.
    package var closeGrace = Duration.milliseconds(500)

    /// After how much silence of all servers the session is given up and a new one opened. `nil`, the default: twice
    /// the negotiated time-out. Less than the negotiated time-out counts as that.
    public var abandonAfter: Duration?

    /// Shown to the servers on every connection, in this order.
    public var credentials: [Credential] = []

    /// The number of requests that may be under way at once, 1 to 16,384; further ones wait in order. A pipeline
    /// longer than that is sent when nothing else is under way. Default: 1,000.
    public var maximumRequestsUnderWay = 1_000

    /// The longest request the servers accept, their `jute.maxbuffer`, in bytes. Default: theirs, 1,048,575.
    public var maximumRequestLength = ServerRequest.maximumLength

    /// The pause before a session is opened after the last one was lost.
    public var reconnectBackoff = Backoff()

    #if Metrics
    /// See ``metricsFactory``.
    var metricsBox: IdentityBox<any MetricsFactory>?
    #endif
    #if Tracing
    /// See ``tracer``.
    var tracerBox: IdentityBox<any Tracer>?
    #endif

    /// - Parameters:
    ///   - servers: At least one.
    ///   - chroot: See ``chroot``.
    public init(servers: [ServerAddress], chroot: ZNodePath = .root) {
        self.servers = servers
        self.chroot = chroot
    }

    /// Reads a connect string as the JVM client does (`org.apache.zookeeper.client.ConnectStringParser`):
    /// `host1:2181,host2:2181/chroot`, IPv6 addresses in brackets, port 2181 where none is given, spaces around and
    /// empty places between commas ignored, one chroot after the last server.
    ///
    /// - Throws: ``ZooKeeperError`` with code `invalidConfiguration` or, for the chroot, `invalidPath`.
    public init(_ connectString: String) throws {
        // In bytes: a combining mark behind a '/' makes another character of it for Swift, but not for the JVM.
        let slash = connectString.utf8.firstIndex(of: UInt8(ascii: "/")) ?? connectString.endIndex
        let chroot = connectString[slash...]
        if chroot.utf8.contains(UInt8(ascii: ",")) {
            throw ZooKeeperError(
                .invalidConfiguration,
                message: "\"\(connectString)\" has a comma after its '/'; the chroot comes once, after all servers")
        }
        var servers: [ServerAddress] = []
        for part in connectString[..<slash].utf8.split(separator: UInt8(ascii: ",")) {
            let space = UInt8(ascii: " ")
            let trimmed = part.drop { $0 == space }.reversed().drop { $0 == space }.reversed()
            if !trimmed.isEmpty { servers.append(try ServerAddress(parsing: String(decoding: trimmed, as: UTF8.self))) }
        }
        self.init(servers: servers, chroot: chroot.utf8.count > 1 ? try ZNodePath(String(chroot)) : .root)
        try validate()
    }

    /// The same settings, without durations that no clock can count to.
    var bounded: ZooKeeperConfiguration {
        var result = self
        result.connectTimeout = connectTimeout.bounded
        result.requestTimeout = requestTimeout?.bounded
        result.leaseMargin = leaseMargin?.bounded
        result.abandonAfter = abandonAfter?.bounded
        result.closeTimeout = closeTimeout?.bounded
        result.reconnectBackoff.initial = reconnectBackoff.initial.bounded
        result.reconnectBackoff.maximum = reconnectBackoff.maximum.bounded
        return result
    }

    /// Checks every setting.
    package func validate() throws(ZooKeeperError) {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ZooKeeperError) {
            if !condition { throw ZooKeeperError(.invalidConfiguration, message: message()) }
        }
        try require(!servers.isEmpty, "a connect string must name a server")
        try require(
            (1...Int64(Int32.max)).contains(sessionTimeout.wholeMilliseconds),
            "sessionTimeout must be 1 ms to \(Int32.max) ms, not \(sessionTimeout)")
        try require(connectTimeout > .zero, "connectTimeout must be positive, not \(connectTimeout)")
        try require((requestTimeout ?? .seconds(1)) > .zero, "requestTimeout must be positive")
        try require((leaseMargin ?? .zero) >= .zero, "leaseMargin must not be negative")
        try require((abandonAfter ?? .seconds(1)) > .zero, "abandonAfter must be positive")
        try require((closeTimeout ?? .zero) >= .zero, "closeTimeout must not be negative")
        try require(
            (1...16_384).contains(maximumRequestsUnderWay),
            "maximumRequestsUnderWay must be 1 to 16384, not \(maximumRequestsUnderWay)")
        try require(
            (1_024...Int(Int32.max)).contains(maximumRequestLength),
            "maximumRequestLength must be 1024 bytes to 2 GiB, not \(maximumRequestLength)")
        try require(
            reconnectBackoff.initial > .zero && reconnectBackoff.maximum >= reconnectBackoff.initial,
            "reconnectBackoff must be positive and must not shrink")
    }
}

extension ZooKeeperConfiguration: ExpressibleByStringLiteral {
    /// A connect string known when the program is compiled. Traps if it is not valid.
    public init(stringLiteral value: StaticString) {
        do { try self.init(value.description) } catch {
            preconditionFailure("\"\(value)\" is not a valid connect string: \(error)")
        }
    }
}
