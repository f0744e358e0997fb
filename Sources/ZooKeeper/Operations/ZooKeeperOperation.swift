// SPDX-License-Identifier: Apache-2.0

/// One request to ZooKeeper as a value: ``GetData``, ``Exists``, ``GetChildren``, ``Create``, ``SetData``, ``Delete``,
/// ``GetAccessControl``, ``SetAccessControl``, ``Sync``.
///
/// Most code calls the methods of ``ZooKeeperOperations`` instead. Operations as values are for pipelines and
/// transactions. The library has all conforming types there are.
public protocol ZooKeeperOperation: Sendable {
    /// The result.
    associatedtype Output: Sendable

    /// Makes the request that is sent.
    func makeRequest() -> Request

    /// Takes the result out of the answer.
    func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Output
}

/// A read that can leave a watch behind: ``GetData``, ``Exists`` and ``GetChildren``.
public protocol WatchableOperation: ZooKeeperOperation {}

extension WatchableOperation {
    /// The same read, which also sets a watch: a pipeline can hold it.
    public var watched: WatchedRead<Self> { WatchedRead(self) }
}

/// The value that was read, and the watch that sees its next change.
public struct Watched<Value: Sendable>: Sendable {
    /// The value that was read.
    public let value: Value
    /// Fires once, at the first change after the read.
    public let watch: Watch
}

/// A read that also sets a watch.
public struct WatchedRead<Read: WatchableOperation>: ZooKeeperOperation {
    private let read: Read

    fileprivate init(_ read: Read) { self.read = read }

    public func makeRequest() -> Request {
        var request = read.makeRequest()
        request.watch = Watch()
        return request
    }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Watched<Read.Output> {
        let value = try read.output(of: result, to: request)
        guard let watch = request.watch else { throw .mismatch }
        return Watched(value: value, watch: watch)
    }
}

extension ZooKeeperError {
    /// The response has another type than the request expects. No server does that.
    static var mismatch: ZooKeeperError {
        ZooKeeperError(.protocolViolation, execution: .unknown, message: "the response type does not match the request")
    }
}
