// SPDX-License-Identifier: Apache-2.0

/// Why an operation failed, what it was, and whether it may have been executed all the same.
///
/// ```swift
/// do {
///     try await client.delete("/jobs/7")
/// } catch ZooKeeperError.Code.noNode {
///     // it is gone already
/// }
/// ```
public struct ZooKeeperError: Error, Sendable {
    /// The knowledge about the execution of a failed operation. There are these three: a `switch` needs no default.
    public enum Execution: Sendable, Hashable {
        /// It never left this process. It was not and will not be executed.
        case notSent
        /// The server answered with an error. It was not executed.
        case refused
        /// It was sent and no answer came. It may have been executed, or may be executed yet. For a read this means
        /// nothing; after a write, look before you write again.
        case unknown
    }

    private final class Storage: Sendable {
        let code: Code
        let execution: Execution
        let message: String?
        let context: Context

        init(code: Code, execution: Execution, message: String?, context: Context) {
            self.code = code
            self.execution = execution
            self.message = message
            self.context = context
        }
    }

    /// The circumstances of an error.
    package struct Context: Sendable {
        package var operation: String?
        package var path: String?
        package var failedOperation: Int?
        package var generation: Int?
        package var file: String?
        package var line: Int?
    }

    private let storage: Storage

    /// The kind of failure.
    public var code: Code { storage.code }
    /// Says whether the operation may have been executed.
    public var execution: Execution { storage.execution }
    /// More about it, for people.
    public var message: String? { storage.message }
    /// The operation, for example `create`.
    public var operation: String? { storage.context.operation }
    /// The path it was about, as the caller named it.
    public var path: String? { storage.context.path }
    /// In a failed transaction: the position of the operation that failed. The others were not executed because of it.
    public var failedOperation: Int? { storage.context.failedOperation }
    /// The number of the session it was sent in, among those of its client, counted from 1; `nil` if it reached none.
    public var sessionGeneration: Int? { storage.context.generation }
    /// The file of the call that failed.
    public var file: String? { storage.context.file }
    /// The line of the call that failed.
    public var line: Int? { storage.context.line }

    package init(
        _ code: Code,
        execution: Execution = .notSent,
        path: String? = nil,
        operation: String? = nil,
        message: String? = nil
    ) {
        let context = Context(operation: operation, path: path)
        self.storage = Storage(code: code, execution: execution, message: message, context: context)
    }

    private init(storage: Storage) { self.storage = storage }

    /// The same error, about a request that never left this process.
    package var notSent: ZooKeeperError {
        ZooKeeperError(
            storage: Storage(code: code, execution: .notSent, message: message, context: storage.context))
    }

    /// The same error, with more known about where it happened. What is known already stays.
    package func located(_ update: (inout Context) -> Void) -> ZooKeeperError {
        var context = storage.context
        update(&context)
        return ZooKeeperError(
            storage: Storage(
                code: storage.code, execution: storage.execution, message: storage.message, context: context))
    }

    /// The same error, with other words for people.
    package func saying(_ message: String) -> ZooKeeperError {
        ZooKeeperError(
            storage: Storage(code: code, execution: execution, message: message, context: storage.context))
    }

    /// The same error, stamped with the place of the caller's call; with none if that is not known.
    package func at(file: String, line: Int) -> ZooKeeperError {
        if file.isEmpty { return self }
        return located { context in
            context.file = context.file ?? file
            context.line = context.line ?? line
        }
    }
}

extension ZooKeeperError {
    /// A kind of failure. New codes may come with new versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String

        private init(_ name: String) { self.name = name }

        /// The code's name.
        public var description: String { name }

        // Answers of the server: the request was understood and refused.

        /// There is no such node; or, for a create, no parent.
        public static let noNode = Code("noNode")
        /// The node exists already.
        public static let nodeExists = Code("nodeExists")
        /// The node has children and cannot be deleted.
        public static let notEmpty = Code("notEmpty")
        /// The node has another version than the one expected.
        public static let badVersion = Code("badVersion")
        /// The parent is ephemeral and cannot have children.
        public static let noChildrenForEphemerals = Code("noChildrenForEphemerals")
        /// The session is not allowed to do this with this node.
        public static let noAuth = Code("noAuth")
        /// The access control list is empty, has an unknown scheme, or names a creator the server does not know.
        public static let invalidACL = Code("invalidACL")
        /// The server does not do this: it is too old, or the feature is switched off there.
        public static let unimplemented = Code("unimplemented")
        /// The server is too busy and did not execute the request.
        public static let throttled = Code("throttled")
        /// A quota of the ensemble is used up.
        public static let quotaExceeded = Code("quotaExceeded")
        /// The server refused the request for another reason; see the message.
        public static let refused = Code("refused")

        // Mistakes that are found here: nothing was sent.

        /// The path breaks the rules of ``ZNodePath``.
        public static let invalidPath = Code("invalidPath")
        /// A parameter is out of its range; see the message.
        public static let invalidArgument = Code("invalidArgument")
        /// The connect string or a setting makes no sense; see the message.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// The request is longer than servers accept (1,048,575 bytes in all). Sending it would end the connection, and
        /// with it every other request under way.
        public static let requestTooLarge = Code("requestTooLarge")
        /// Too many watches on too many paths: they could not be set again after a reconnect.
        public static let watchBudgetExceeded = Code("watchBudgetExceeded")

        // The connection and the session.

        /// The connection was lost, or there was none for too long. See ``ZooKeeperError/execution``.
        public static let connectionLoss = Code("connectionLoss")
        /// No answer came within the limit of the call, see ``ZooKeeperOperations/within(_:)``, and
        /// ``ZooKeeperError/execution``.
        public static let timedOut = Code("timedOut")
        /// No server could be reached within the connect time-out; the message names the servers tried.
        public static let connectTimeout = Code("connectTimeout")
        /// The session has ended: the server said so, or it was given up after too long a silence. Its ephemeral nodes
        /// are gone or will go.
        public static let sessionLost = Code("sessionLost")
        /// The server knows no such authentication scheme, or refused the credentials.
        public static let authenticationFailed = Code("authenticationFailed")
        /// The node that the connect string names as chroot does not exist.
        public static let chrootNotFound = Code("chrootNotFound")
        /// Whatever answered is no ZooKeeper server, or a broken one.
        public static let protocolViolation = Code("protocolViolation")

        // This process.

        /// The task that waited was cancelled. The request itself may be executed all the same, see
        /// ``ZooKeeperError/execution``.
        public static let cancelled = Code("cancelled")
        /// The client or session has been closed.
        public static let closed = Code("closed")
        /// `run()` has not been called on the client.
        public static let notRunning = Code("notRunning")

        /// Lets a code stand in a `catch`: `catch ZooKeeperError.Code.noNode`.
        /// An error that carries one of these inside counts too.
        public static func ~= (code: Code, error: any Error) -> Bool {
            let error = error as? ZooKeeperError ?? (error as? any CarriesZooKeeperError)?.carriedError
            return error?.code == code
        }
    }
}

/// An error of a higher floor that was caused by one of these.
package protocol CarriesZooKeeperError: Error {
    var carriedError: ZooKeeperError? { get }
}

extension ZooKeeperError: CustomStringConvertible {
    /// One line for logs. Never has data, passwords or credentials in it.
    public var description: String {
        var text = "ZooKeeperError.\(code)"
        if let operation { text += " in \(operation)" }
        if let path { text += " \(path)" }
        if let failedOperation { text += ", operation \(failedOperation) of a transaction" }
        if let message { text += ": \(message)" }
        if execution == .unknown { text += " (it may have been executed)" }
        if let sessionGeneration { text += " [session \(sessionGeneration)]" }
        if let file, let line { text += " at \(file):\(line)" }
        return text
    }
}
