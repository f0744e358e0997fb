// SPDX-License-Identifier: Apache-2.0

extension ZooKeeperClient {
    /// Operations go to the session in use, whichever that is.
    public var spansSessions: Bool { true }

    /// Sends one operation in the session in use and waits for its answer.
    ///
    /// If that session is lost first, an operation that was never sent, and any read, goes to the next one.
    public func result<Operation: ZooKeeperOperation>(
        of operation: Operation, within limit: Duration?, file: String, line: Int
    ) async -> Result<Operation.Output, ZooKeeperError> {
        let deadline = limit.map { ContinuousClock.now + $0.bounded }
        let lastStart = ContinuousClock.now + requestTimeout
        let askedAt = measuredMoment
        do throws(ZooKeeperError) {
            while true {
                let session: ZooKeeperSession
                do throws(ZooKeeperError) { session = try await self.session(within: limit, until: deadline) } catch {
                    throw measured(error, operation.makeRequest(), askedAt)
                }
                let request = operation.makeRequest()
                let pending = session.submit(
                    request, retry: request.action.isRead ? .withinRequestTimeout : .never, tracedBelow: .currentTask)
                let timer = deadline.map { pending.limit(to: ContinuousClock.now.duration(to: $0)) }
                defer { timer?.cancel() }
                let outcome = await pending.answer()
                if case .failure(let error) = outcome, error.code == .sessionLost, ContinuousClock.now < lastStart,
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
        of operations: repeat each Operation, within limit: Duration?, file: String, line: Int
    ) async -> (repeat Result<(each Operation).Output, ZooKeeperError>) {
        let deadline = limit.map { ContinuousClock.now + $0.bounded }
        let askedAt = measuredMoment
        let session: ZooKeeperSession
        do {
            session = try await self.session(within: limit, until: deadline)
        } catch {
            let error = error.at(file: file, line: line)
            return (repeat .failure(measured(error, (each operations).makeRequest(), askedAt)))
        }
        let rest = deadline.map { ContinuousClock.now.duration(to: $0) }
        return await session.results(of: repeat each operations, within: rest, file: file, line: line)
    }

    /// Sends several operations back to back in the session in use, and waits for all answers.
    public func results<Operation: ZooKeeperOperation>(
        of operations: [Operation], within limit: Duration?, file: String, line: Int
    ) async -> [Result<Operation.Output, ZooKeeperError>] {
        if operations.isEmpty { return [] }
        let deadline = limit.map { ContinuousClock.now + $0.bounded }
        let askedAt = measuredMoment
        let session: ZooKeeperSession
        do {
            session = try await self.session(within: limit, until: deadline)
        } catch {
            let error = error.at(file: file, line: line)
            return operations.map { .failure(measured(error, $0.makeRequest(), askedAt)) }
        }
        let rest = deadline.map { ContinuousClock.now.duration(to: $0) }
        return await session.results(of: operations, within: rest, file: file, line: line)
    }

    /// The session in use, or the next one, within the limit of a call.
    private func session(
        within limit: Duration?, until deadline: ContinuousClock.Instant?
    ) async throws(ZooKeeperError) -> ZooKeeperSession {
        do { return try await session(until: deadline) } catch {
            guard let limit, let deadline, ContinuousClock.now >= deadline else { throw error }
            if error.code == .closed || error.code == .cancelled { throw error }
            throw ZooKeeperError(.timedOut, message: "no session within \(limit): \(error.message ?? "\(error.code)")")
        }
    }

    /// Creates a sequential node once, also if the connection is lost before the answer, in the session in use: see
    /// ``ZooKeeperSession/createProtected(_:data:mode:accessControl:file:line:)``.
    ///
    /// - Throws: As that one. A session that is lost before anything was sent is no error: the next one is used.
    @discardableResult
    public func createProtected(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .ephemeralSequential,
        accessControl: AccessControl = .open, file: String = #fileID, line: Int = #line
    ) async throws -> CreatedZNode {
        let data = Array(data)
        let lastStart = ContinuousClock.now + requestTimeout
        let askedAt = measuredMoment
        while true {
            let session: ZooKeeperSession
            do throws(ZooKeeperError) { session = try await self.session() } catch {
                let create = Create(path, data: data, mode: mode, accessControl: accessControl)
                throw measured(error, create.makeRequest(), askedAt).at(file: file, line: line)
            }
            do {
                return try await session.createProtected(
                    path, data: data, mode: mode, accessControl: accessControl, file: file, line: line)
            } catch let error as ZooKeeperError
                where error.code == .sessionLost && error.execution == .notSent && ContinuousClock.now < lastStart
            {
                continue
            }
        }
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
        let askedAt = measuredMoment
        do throws(ZooKeeperError) {
            while true {
                do throws(ZooKeeperError) {
                    let session: ZooKeeperSession
                    do throws(ZooKeeperError) { session = try await self.session() } catch {
                        throw measured(error, Request(.authenticate(credential)), askedAt)
                    }
                    return try await session.send(credential, file: file, line: line)
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

    /// The moment from which the wait for a session counts; `nil` if nobody measures it.
    private var measuredMoment: Moment? { instruments == nil ? nil : .now }

    /// Takes in that there was no session for a request.
    ///
    /// - Returns: `error`.
    private func measured(
        _ error: ZooKeeperError, _ request: @autoclosure () -> Request, _ askedAt: Moment?
    ) -> ZooKeeperError {
        if let instruments, let askedAt { instruments.failed(request(), error, askedAt: askedAt) }
        return error
    }
}

extension RootedOperations where Base == ZooKeeperClient {
    /// Creates a sequential node once: see ``ZooKeeperClient/createProtected(_:data:mode:accessControl:file:line:)``.
    ///
    /// - Throws: As that one.
    @discardableResult
    public func createProtected(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .ephemeralSequential,
        accessControl: AccessControl = .open, file: String = #fileID, line: Int = #line
    ) async throws -> CreatedZNode {
        try await relative {
            try await base.createProtected(
                absolute(path), data: data, mode: mode, accessControl: accessControl, file: file, line: line)
        }
    }
}
