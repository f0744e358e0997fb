// SPDX-License-Identifier: Apache-2.0

#if Configuration
public import Configuration

extension ZooKeeperConfiguration {
    /// Reads the settings with swift-configuration: from environment variables, files, and whatever else has a provider.
    ///
    /// ```swift
    /// // ZOOKEEPER_CONNECT_STRING=zk1:2181,zk2:2181,zk3:2181/billing
    /// // ZOOKEEPER_SESSION_TIMEOUT_MS=6000
    /// let reader = ConfigReader(provider: EnvironmentVariablesProvider())
    /// let client = try ZooKeeperClient(ZooKeeperConfiguration(reader: reader.scoped(to: "zookeeper")))
    /// ```
    ///
    /// ## Configuration keys
    ///
    /// Either `connectString` or `servers` is required; everything else is optional, with the default of its setting.
    ///
    /// * `connectString` (string): the servers and the chroot, see ``init(_:)``.
    /// * `servers` (array of strings): ``servers``, each `host` or `host:port`; instead of a connect string.
    /// * `chroot` (string): ``chroot``; only with `servers`, for a connect string has its own.
    /// * `serverOrder` (string): ``serverOrder``, `random` or `fixed`.
    /// * `followsEnsemble` (bool): ``followsEnsemble``.
    /// * `sessionTimeoutMs` (int, milliseconds): ``sessionTimeout``.
    /// * `connectTimeoutMs` (int, milliseconds): ``connectTimeout``.
    /// * `requestTimeoutMs` (int, milliseconds): ``requestTimeout``.
    /// * `leaseMarginMs` (int, milliseconds): ``leaseMargin``.
    /// * `closeTimeoutMs` (int, milliseconds): ``closeTimeout``.
    /// * `abandonAfterMs` (int, milliseconds): ``abandonAfter``.
    /// * `credential.user` (string) and `credential.password` (string, secret): one of ``credentials``, of the digest
    ///   scheme. Neither goes without the other.
    /// * `credential.scheme` (string) and `credential.proof` (string, secret): one of ``credentials``, of any scheme,
    ///   instead of user and password. Neither goes without the other.
    /// * `maximumRequestsUnderWay` (int): ``maximumRequestsUnderWay``.
    /// * `maximumRequestLength` (int, bytes): ``maximumRequestLength``.
    /// * `reconnectBackoff.initialMs` and `reconnectBackoff.maximumMs` (int, milliseconds): ``reconnectBackoff``.
    ///
    /// The backends of metrics and traces are values, and are set in code.
    ///
    /// - Parameter reader: The reader, scoped to the settings of this client.
    /// - Throws: ``ZooKeeperError`` with code `invalidConfiguration`, whose message names the key, if a value is missing, has
    ///   another type, is out of its range, or does not go with another. It never contains the values of
    ///   `credential.password` and `credential.proof`.
    public init(reader: ConfigReader) throws {
        let source = SettingSource(reader)
        try self.init(serversFrom: source)
        if let order = try source.string("serverOrder") {
            guard let order = ServerOrder(key: order) else {
                throw source.invalid("serverOrder", "must be random or fixed")
            }
            serverOrder = order
        }
        if let follows = try source.bool("followsEnsemble") { followsEnsemble = follows }
        try set(["sessionTimeoutMs"], to: source.milliseconds("sessionTimeoutMs"), source) { $0.sessionTimeout = $1 }
        try set(["connectTimeoutMs"], to: source.milliseconds("connectTimeoutMs"), source) { $0.connectTimeout = $1 }
        try set(["requestTimeoutMs"], to: source.milliseconds("requestTimeoutMs"), source) { $0.requestTimeout = $1 }
        try set(["leaseMarginMs"], to: source.milliseconds("leaseMarginMs"), source) { $0.leaseMargin = $1 }
        try set(["closeTimeoutMs"], to: source.milliseconds("closeTimeoutMs"), source) { $0.closeTimeout = $1 }
        try set(["abandonAfterMs"], to: source.milliseconds("abandonAfterMs"), source) { $0.abandonAfter = $1 }
        try set(["maximumRequestsUnderWay"], to: source.int("maximumRequestsUnderWay"), source) {
            $0.maximumRequestsUnderWay = $1
        }
        try set(["maximumRequestLength"], to: source.int("maximumRequestLength"), source) {
            $0.maximumRequestLength = $1
        }
        let (initial, maximum) = ("reconnectBackoff.initialMs", "reconnectBackoff.maximumMs")
        let backoff = Backoff(
            initial: try source.milliseconds(initial) ?? reconnectBackoff.initial,
            maximum: try source.milliseconds(maximum) ?? reconnectBackoff.maximum)
        try set([initial, maximum], to: backoff, source) { $0.reconnectBackoff = $1 }
        if let credential = try source.credential() { credentials = [credential] }
    }

    private init(serversFrom source: SettingSource) throws {
        let (connectString, list, chroot) = (
            try source.string("connectString"), try source.strings("servers"), try source.string("chroot")
        )
        switch (connectString, list) {
        case (let connectString?, nil):
            if chroot != nil {
                throw source.invalid(
                    "chroot", "goes with servers; a connect string has the chroot behind its last server")
            }
            self = try source.checking("connectString") { try ZooKeeperConfiguration(connectString) }
        case (nil, let list?):
            let servers = try source.checking("servers") { try list.map { try ServerAddress(parsing: $0) } }
            let root = try source.checking("chroot") { try chroot.map { try ZNodePath($0) } ?? .root }
            self.init(servers: servers, chroot: root)
            try source.checking("servers") { try validate() }
        case (nil, nil): throw source.invalid("connectString", "is missing, and so is servers: one of them is required")
        case (.some, .some): throw source.invalid("servers", "cannot be set together with connectString")
        }
    }

    /// Changes a setting, and checks it: the others are valid already.
    private mutating func set<Value>(
        _ keys: [String], to value: Value?, _ source: SettingSource,
        _ change: (inout ZooKeeperConfiguration, Value) -> Void
    ) throws {
        guard let value else { return }
        change(&self, value)
        try source.checking(keys.joined(separator: ", ")) { try validate() }
    }
}

extension ServerOrder {
    fileprivate init?(key: String) {
        switch key {
        case "random": self = .random
        case "fixed": self = .fixed
        default: return nil
        }
    }
}
#endif
