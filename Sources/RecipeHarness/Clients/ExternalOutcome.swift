// SPDX-License-Identifier: Apache-2.0

/// The outcome of an operation of another library, as the history names it.
enum ExternalOutcome: String, Sendable {
    case done
    case timedOut
    /// The library returned an error.
    case failed = "failed (other library)"
    /// The library told its holder, or would have on a question, that it does not hold any more.
    case lost = "lost (other library)"
    /// The library granted the lock, and its contender had no node in the queue.
    case withoutNode = "granted without a node (other library)"
    /// The servers did not answer the question for its node, so the hold is not in the history.
    case notObserved = "not observed (other library)"
    /// The call did not return although all faults had ended and its process continued.
    case neverReturned = "did not return (other library)"
}
