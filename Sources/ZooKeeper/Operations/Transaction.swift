// SPDX-License-Identifier: Apache-2.0

/// An operation of a transaction: ``Create``, ``SetData``, ``Delete`` or ``Check``. The library has all conforming
/// types there are.
public protocol TransactionOperation: Sendable {
    /// The result, if the transaction goes through.
    associatedtype Output: Sendable

    /// Makes the step that is sent.
    func makeStep() -> TransactionStep

    /// Takes the result out of the answer.
    func output(of response: Response) throws(ZooKeeperError) -> Output
}

/// A transaction as a request.
package struct Transaction<each Operation: TransactionOperation>: ZooKeeperOperation {
    package typealias Output = (repeat (each Operation).Output)

    private let operations: (repeat each Operation)

    package init(_ operations: repeat each Operation) {
        self.operations = (repeat each operations)
    }

    package func makeRequest() -> Request {
        var steps: [TransactionStep] = []
        for operation in repeat each operations { steps.append(operation.makeStep()) }
        return Request(.transaction(steps))
    }

    package func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Output {
        guard case .transaction(let results) = try result.get().kind else { throw .mismatch }
        var iterator = results.makeIterator()
        func next<Step: TransactionOperation>(_ step: Step) throws(ZooKeeperError) -> Step.Output {
            guard let result = iterator.next() else { throw .mismatch }
            return try step.output(of: Response(result))
        }
        return (repeat try next(each operations))
    }
}

/// The result of one operation of a transaction, for transactions whose operations are not known when the program is
/// compiled.
@nonexhaustive
public enum TransactionResult: Sendable, Hashable {
    /// A node was created.
    case created(CreatedZNode)
    /// The data of a node was replaced; its new stat.
    case dataSet(ZNodeStat)
    /// A node was deleted.
    case deleted
    /// A node had the version that it was checked for.
    case checked
}

/// A transaction of a number of operations only known when the program runs.
package struct TransactionList: ZooKeeperOperation {
    private let operations: [any TransactionOperation]

    package init(_ operations: [any TransactionOperation]) { self.operations = operations }

    package func makeRequest() -> Request { Request(.transaction(operations.map { $0.makeStep() })) }

    package func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> [TransactionResult] {
        guard case .transaction(let results) = try result.get().kind, results.count == operations.count else {
            throw .mismatch
        }
        return zip(operations, results).map { TransactionResult(of: $0, $1) }
    }
}

extension TransactionResult {
    /// The result of one operation, from the answer to it.
    package init(of operation: any TransactionOperation, _ answer: Response.Kind) {
        self =
            switch (operation.makeStep().action, answer) {
            case (_, .created(let path, let stat)): .created(CreatedZNode(path: path, stat: stat))
            case (_, .stat(let stat)): .dataSet(stat)
            case (.check, _): .checked
            default: .deleted
            }
    }
}
