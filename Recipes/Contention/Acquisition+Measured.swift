// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

// The acquisition as those see it who measure: each begins and ends here, and each hold begins here.

extension Acquisition {
    /// Waits until `deadline` at the latest; for ever if there is none. That is the only limit, once there has been a
    /// session: a caller waits through any outage, and joins again in the session after it.
    ///
    /// - Parameter old: The lock that is held until now, and whose node is given up for the new one.
    /// - Throws: ``LockError``: `timedOut`, `cancelled`, `sequenceExhausted`, `unavailable`.
    func wait(
        until deadline: ContinuousClock.Instant?, replacing old: Holding? = nil
    ) async throws(LockError) -> Holding {
        let measured = settings.instruments?.beginAcquisition()
        do {
            let holding = try await join(until: deadline, replacing: old, measured?.span)
            granted(holding, measured)
            return holding
        } catch {
            measured?.failed(error)
            throw error
        }
    }

    /// Takes the lock if no participant holds it or waits for it; `nil` if one does.
    ///
    /// - Parameters:
    ///   - limit: The limit of the wait for the servers' answers, over as many connections and sessions as it takes; past
    ///     it, the attempt throws `timedOut`. `nil`: the time-outs of the client, over one connection.
    ///   - companion: Another node of ours, which is in the queue in its session and is not in the way: then the attempt is
    ///     made in that session.
    /// - Throws: ``LockError``: `timedOut`, `cancelled`, `sequenceExhausted`, `unavailable`.
    func attempt(within limit: Duration? = nil, beside companion: LeaseCore? = nil) async throws(LockError) -> Holding?
    {
        let measured = settings.instruments?.beginAcquisition()
        do {
            let deadline = limit.map { ContinuousClock.now + $0.bounded }
            guard let holding = try await attempt(until: deadline, beside: companion, measured?.span) else {
                measured?.wasBusy()
                return nil
            }
            granted(holding, measured)
            return holding
        } catch {
            measured?.failed(error)
            throw error
        }
    }

    /// Fails if `limit` leaves no time: nothing is sent then.
    func requireTime(_ limit: Duration?) throws(LockError) {
        guard let limit, limit <= .zero else { return }
        let error = LockError(.timedOut, path: settings.directory)
        settings.instruments?.beginAcquisition().failed(error)
        throw error
    }

    private func granted(_ holding: Holding, _ measured: MeasuredAcquisition?) {
        guard let measured, let instruments = settings.instruments else { return }
        measured.granted("\(holding.lease.token)")
        holding.lease.measure(instruments)
    }
}

extension LeaseCore {
    /// Measures the hold from now on, until it ends in whatever way.
    func measure(_ instruments: LockInstruments) {
        let begin = Moment.now
        instruments.holdBegan()
        end.whenFulfilled { loss in instruments.holdEnded(loss?.label, since: begin) }
    }
}

extension MeasuredAcquisition {
    fileprivate func failed(_ error: LockError) {
        failed(error, error.code.description, error.underlying.map { "\($0)" } ?? error.code.description)
    }
}
