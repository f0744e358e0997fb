// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// Every row of the table at `LeaseStatus.check`, and how a lease ends.
@Suite struct LeaseStatusTests {
    private let now = Moment.now

    private func status(_ policy: LossPolicy, _ phase: LeaseStatus.Phase) -> LeaseStatus {
        var status = LeaseStatus(policy)
        switch phase {
        case .held: break
        case .doubtful: _ = status.overdue()
        case .lost(let loss): _ = status.lose(loss)
        case .closed: _ = status.close(now: now, deadline: now + .seconds(1))
        }
        #expect(status.phase == phase)
        return status
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var phase: LeaseStatus.Phase
        var policy: LossPolicy
        /// In seconds.
        var left: Int
        var needed = 0
        var provesItself = false
        var answer: LeaseStatus.Check
        var afterwards: LeaseStatus.Phase

        var testDescription: String { "\(phase), \(policy), \(left) s left, \(needed) s needed, \(provesItself)" }
    }

    private static let policies = [LossPolicy.onSuspension, .onDeadline, .onExpiry]
    private static let ends: [(LeaseStatus.Phase, LeaseStatus.Check)] = [
        (.closed, .scopeEnded), (.lost(.nodeDeleted), .lost(.nodeDeleted)),
    ]

    static let rows: [Row] =
        policies.flatMap { policy in
            ends.flatMap { phase, answer in
                [10, 0, -10].flatMap { left in
                    [false, true].map { provesItself in
                        Row(
                            phase: phase, policy: policy, left: left, provesItself: provesItself, answer: answer,
                            afterwards: phase)
                    }
                }
            }
        } + [
            // What proves itself under `onExpiry` may always be sent.
            Row(
                phase: .held, policy: .onExpiry, left: -10, provesItself: true, answer: .held, afterwards: .held),
            Row(
                phase: .doubtful, policy: .onExpiry, left: -10, provesItself: true, answer: .held,
                afterwards: .doubtful),
            Row(phase: .doubtful, policy: .onExpiry, left: 10, answer: .unconfirmed, afterwards: .doubtful),
            Row(phase: .held, policy: .onDeadline, left: 10, answer: .held, afterwards: .held),
            Row(phase: .held, policy: .onDeadline, left: 10, needed: 9, answer: .held, afterwards: .held),
            Row(
                phase: .held, policy: .onDeadline, left: 10, needed: 10, answer: .lost(.deadlinePassed),
                afterwards: .held),
            Row(
                phase: .held, policy: .onDeadline, left: 10, needed: 11, provesItself: true,
                answer: .lost(.deadlinePassed), afterwards: .held),
            Row(
                phase: .held, policy: .onDeadline, left: 0, answer: .lost(.deadlinePassed),
                afterwards: .lost(.deadlinePassed)),
            Row(
                phase: .held, policy: .onSuspension, left: -1, needed: -5, answer: .lost(.deadlinePassed),
                afterwards: .lost(.deadlinePassed)),
            Row(phase: .held, policy: .onExpiry, left: 10, answer: .held, afterwards: .held),
            Row(phase: .held, policy: .onExpiry, left: 10, needed: 11, answer: .unconfirmed, afterwards: .held),
            Row(phase: .held, policy: .onExpiry, left: 0, answer: .unconfirmed, afterwards: .doubtful),
        ]

    @Test(arguments: rows) func isChecked(_ row: Row) {
        var status = status(row.policy, row.phase)
        let (answer, effect) = status.check(
            now: now, deadline: now + .seconds(row.left), needed: .seconds(row.needed), provesItself: row.provesItself)
        #expect(answer == row.answer)
        #expect(status.phase == row.afterwards)
        let expected: LeaseStatus.Effect? =
            row.afterwards == row.phase ? nil : row.afterwards == .doubtful ? .confirm : .end(.deadlinePassed)
        #expect(effect == expected)
    }

    @Test func endsOnce() {
        var status = LeaseStatus(.onDeadline)
        #expect(status.lose(.nodeDeleted) == .end(.nodeDeleted))
        #expect(status.lose(.deadlinePassed) == nil)
        #expect(status.overdue() == nil)
        let first = status.close(now: now, deadline: now)
        #expect(first.isOpen && first.loss == .nodeDeleted && first.effect == nil)
        var closed = LeaseStatus(.onDeadline)
        let end = closed.close(now: now, deadline: now + .seconds(1))
        #expect(end.isOpen && end.loss == nil && end.effect == .end(nil))
        let again = closed.close(now: now, deadline: now)
        #expect(!again.isOpen && again.loss == nil && again.effect == nil)
    }

    /// Late by the clock is lost, even if nobody has noticed; but not under `onExpiry`.
    @Test(arguments: [(LossPolicy.onDeadline, LockLoss.deadlinePassed as LockLoss?), (.onExpiry, nil)])
    func closingLate(_ policy: LossPolicy, _ loss: LockLoss?) {
        var status = LeaseStatus(policy)
        let end = status.close(now: now, deadline: now)
        #expect(end.isOpen && end.loss == loss && end.effect == .end(loss))
    }

    @Test func aSuspensionEndsOnlyWhatIsToEndThen() {
        var strict = LeaseStatus(.onSuspension)
        #expect(strict.suspended() == .end(.connectionLost))
        var patient = LeaseStatus(.onDeadline)
        #expect(patient.suspended() == nil)
        #expect(patient.phase == .held)
    }

    @Test func doubtEndsWithAnAnswerInTime() {
        var status = LeaseStatus(.onExpiry)
        #expect(status.overdue() == .confirm)
        #expect(status.overdue() == nil, "asked already")
        #expect(status.confirmed(now: now, deadline: now) == .confirm, "too late to mean anything: asks again")
        #expect(status.phase == .doubtful)
        #expect(status.confirmed(now: now, deadline: now + .seconds(1)) == nil)
        #expect(status.phase == .held)
        #expect(status.confirmed(now: now, deadline: now) == nil)
    }
}
