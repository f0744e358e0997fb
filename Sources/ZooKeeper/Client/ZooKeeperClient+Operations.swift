extension ZooKeeperClient {
    /// Operations go to the session in use, whichever that is.
    public var spansSessions: Bool { true }

    /// Sends one operation in the session in use and waits for its answer.
    ///
    /// If that session is lost first, an operation that was never sent, and any read, goes to the next one.
    public func result<Operation: ZooKeeperOperation>(
        of operation: Operation, file: String, line: Int
    ) async -> Result<Operation.Output, ZooKeeperError> {
        let limit = ContinuousClock.now + requestTimeout
        do {
            while true {
                let session = try await session()
                let request = operation.makeRequest()
                let pending = session.submit(request, retry: request.action.isRead ? .withinRequestTimeout : .never)
                let outcome = await pending.answer()
                if case .failure(let error) = outcome, error.code == .sessionLost, ContinuousClock.now < limit,
                    error.execution == .notSent || request.action.isRead
                {
                    continue
                }
                return .success(try operation.output(of: outcome, to: request))
            }
        } catch {
            return .failure(error.at(file: file, line: line))
        }
    }

    /// Sends several operations back to back in the session in use, and waits for all answers.
    public func results<each Operation: ZooKeeperOperation>(
        of operations: repeat each Operation, file: String, line: Int
    ) async -> (repeat Result<(each Operation).Output, ZooKeeperError>) {
        let session: ZooKeeperSession
        do {
            session = try await self.session()
        } catch {
            let error = error.at(file: file, line: line)
            return (repeat failure(of: each operations, error))
        }
        return await session.results(of: repeat each operations, file: file, line: line)
    }

    /// Proves an identity to the servers, in this session and all that follow.
    ///
    /// Better still is ``ZooKeeperConfiguration/credentials``: those are shown before anything else.
    ///
    /// - Throws: ``ZooKeeperError``: `authenticationFailed` if no server knows the scheme or the proof is not accepted,
    ///   which also ends the session; and what any call may throw.
    public func authenticate(
        _ credential: Credential, file: String = #fileID, line: Int = #line
    ) async throws {
        // Before it is sent: the session may be lost before the answer, and the next one needs it too.
        let isNew = remember(credential)
        let limit = ContinuousClock.now + requestTimeout
        do throws(ZooKeeperError) {
            while true {
                do throws(ZooKeeperError) {
                    return try await session().send(credential, file: file, line: line)
                } catch {
                    // The session was lost before it was sent, perhaps for lack of it. The next one shows it at once.
                    let isNotRefused =
                        error.code == .sessionLost
                        || (error.code == .authenticationFailed && error.execution == .notSent)
                    guard isNotRefused, ContinuousClock.now < limit else { throw error }
                }
            }
        } catch {
            if isNew, error.code == .authenticationFailed || error.execution == .notSent { forget(credential) }
            throw error.at(file: file, line: line)
        }
    }

    private func failure<Operation: ZooKeeperOperation>(
        of operation: Operation, _ error: ZooKeeperError
    ) -> Result<Operation.Output, ZooKeeperError> {
        .failure(error)
    }
}
