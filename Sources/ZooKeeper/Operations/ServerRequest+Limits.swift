// SPDX-License-Identifier: Apache-2.0

// What a server would answer with a closed connection, and the C client with a crash, is refused here.

extension ServerRequest {
    /// The longest request a server accepts by default (`jute.maxbuffer` 0xFFFFF): 1,048,575 bytes.
    package static let maximumLength = 1_048_575

    /// Checks what the types of the parameters leave open.
    package func validate(limit: Int = maximumLength) throws(ZooKeeperError) {
        switch action {
        case .create(_, let mode, let accessControl):
            try Self.validate(mode)
            try Self.validate(accessControl)
        case .setAccessControl(let accessControl, _):
            try Self.validate(accessControl)
        case .transaction(let steps):
            for (index, step) in steps.enumerated() {
                do { try step.action.validate() } catch { throw error.located { $0.failedOperation = index } }
            }
        case .authenticate(let credential):
            try Self.validate(text: credential.scheme, named: "scheme of a credential")
            if credential.scheme.isEmpty {
                throw ZooKeeperError(.invalidArgument, message: "the scheme of a credential must not be empty")
            }
        case .reconfigure(let change):
            for text in change.texts { try Self.validate(text: text, named: "list of servers") }
        default: break
        }
        let length = encodedLength
        guard length <= limit else {
            throw ZooKeeperError(
                .requestTooLarge, message: "\(length) bytes with path and headers; servers accept \(limit)")
        }
    }

    static func validate(_ mode: CreateMode) throws(ZooKeeperError) {
        guard case .timeToLive(let milliseconds) = mode.lifetime else { return }
        guard (1...0xFF_FFFF_FFFF).contains(milliseconds) else {
            throw ZooKeeperError(
                .invalidArgument, message: "a time to live must be 1 ms to 2^40 - 1 ms, not \(milliseconds) ms")
        }
    }

    static func validate(_ accessControl: AccessControl) throws(ZooKeeperError) {
        guard !accessControl.entries.isEmpty else {
            throw ZooKeeperError(.invalidACL, message: "an access control list must have an entry")
        }
        for entry in accessControl.entries {
            try validate(text: entry.identity.scheme, named: "scheme of an identity")
            try validate(text: entry.identity.id, named: "id of an identity")
        }
    }

    /// C strings end at the first zero byte. And servers give back what lies beyond U+FFFF as two halves of a pair,
    /// each encoded for itself, which is no UTF-8.
    private static func validate(text: String, named name: String) throws(ZooKeeperError) {
        if text.utf8.contains(0) {
            throw ZooKeeperError(.invalidArgument, message: "the \(name) must not contain a zero byte")
        }
        if text.utf8.contains(where: { $0 >= 0xF0 }) {
            throw ZooKeeperError(.invalidArgument, message: "the \(name) must not contain characters beyond U+FFFF")
        }
    }

    /// The length of the request as the server counts it: the frame without its length field.
    package var encodedLength: Int {
        let length = 8 + (path?.encodedLength ?? 0)
        switch action {
        case .create(let data, let mode, let accessControl):
            return length + TransactionStep.Action.createLength(data, mode, accessControl)
        case .delete: return length + 4
        case .exists, .getData, .getChildren: return length + 1
        case .getAccessControl, .sync: return length
        case .setData(let data, _): return length + 4 + data.count + 4
        case .setAccessControl(let accessControl, _): return length + accessControl.encodedLength + 4
        case .transaction(let steps): return length + 9 + steps.reduce(0) { $0 + $1.encodedLength }
        case .removeWatches: return length + 4
        case .authenticate(let credential):
            return length + 4 + credential.scheme.encodedLength + 4 + credential.proof.count
        case .reconfigure(let change): return length + 12 + change.texts.reduce(0) { $0 + $1.utf8.count } + 8
        }
    }
}

extension TransactionStep.Action {
    fileprivate func validate() throws(ZooKeeperError) {
        guard case .create(_, let mode, let accessControl) = self else { return }
        try ServerRequest.validate(accessControl)
        switch mode.lifetime {
        case .persistent, .ephemeral: break
        case .container:
            // The C client aborts the process on the server's answer.
            throw ZooKeeperError(.invalidArgument, message: "a container cannot be created in a transaction")
        case .timeToLive:
            throw ZooKeeperError(
                .invalidArgument, message: "a node with a time to live cannot be created in a transaction")
        }
    }

    fileprivate static func createLength(
        _ data: [UInt8], _ mode: CreateMode, _ accessControl: AccessControl
    ) -> Int {
        var length = 4 + data.count + accessControl.encodedLength + 4
        if case .timeToLive = mode.lifetime { length += 8 }
        return length
    }
}

extension ServerStep {
    fileprivate var encodedLength: Int {
        let length = 9 + path.encodedLength
        switch action {
        case .create(let data, let mode, let accessControl):
            return length + TransactionStep.Action.createLength(data, mode, accessControl)
        case .setData(let data, _): return length + 4 + data.count + 4
        case .delete, .check: return length + 4
        }
    }
}

extension ServerPath {
    fileprivate var encodedLength: Int { string.encodedLength }
}

extension String {
    fileprivate var encodedLength: Int { 4 + utf8.count }
}

extension AccessControl {
    fileprivate var encodedLength: Int {
        entries.reduce(4) { $0 + 4 + $1.identity.scheme.encodedLength + $1.identity.id.encodedLength }
    }
}
