// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The answers to one pipeline, as they come in.
package struct PipelineAnswers: Sendable, Hashable {
    private var answers: [ContenderMachine.Answer?]
    private var missing: Int
    /// The number of the connection over which the latest answer came.
    package private(set) var connection = 0
    /// Tells whether all came in order and over one connection. If not, some requests were sent again.
    private var isUnbroken = true

    package init(count: Int) {
        answers = Array(repeating: nil, count: count)
        missing = count
    }

    package var count: Int { answers.count }

    /// Tells whether all answers are there.
    package var isComplete: Bool { missing == 0 }

    /// The answer to one of the requests, when all have been answered.
    package subscript(index: Int) -> ContenderMachine.Answer {
        answers[index] ?? .failure(.init(.protocolViolation, .unknown))
    }

    /// Takes in an answer, or the certainty that there will be none.
    package mutating func add(_ answer: ContenderMachine.Answer, at index: Int, over connection: Int) {
        let isFirst = missing == count
        let isNext = missing == count - index
        isUnbroken = isUnbroken && isNext && (isFirst || connection == self.connection)
        self.connection = connection
        answers[index] = answer
        missing -= 1
    }

    /// The names, if this is the answer to a sync and a list.
    ///
    /// If the connection was lost between the two, or the sync was sent again behind the list, the list may be another
    /// server's, and the sync has said nothing about that one.
    package var syncedNames: Result<ChildNames, ContenderMachine.Failure> {
        if case .failure(let failure) = self[0] { return .failure(failure) }
        switch self[1] {
        case .failure(let failure): return .failure(failure)
        case .success(.children(let names, _)):
            return isUnbroken ? .success(names) : .failure(.init(.connectionLoss, .notSent))
        case .success: return .failure(.init(.protocolViolation, .unknown))
        }
    }
}
