// SPDX-License-Identifier: Apache-2.0

extension ZooKeeperSession {
    /// Operations stay in this session.
    public var spansSessions: Bool { false }

    /// Sends one operation and waits for its answer.
    public func result<Operation: ZooKeeperOperation>(
        of operation: Operation, within limit: Duration?, file: String, line: Int
    ) async -> Result<Operation.Output, ZooKeeperError> {
        let request = operation.makeRequest()
        let pending = submit(
            request, retry: request.action.isRead ? .withinRequestTimeout : .never, tracedBelow: .currentTask)
        let timer = limit.map { pending.limit(to: $0) }
        defer { timer?.cancel() }
        do {
            return .success(try operation.output(of: await pending.answer(), to: request))
        } catch {
            return .failure(error.at(file: file, line: line))
        }
    }

    /// Sends several operations back to back and waits for all answers.
    public func results<each Operation: ZooKeeperOperation>(
        of operations: repeat each Operation, within limit: Duration?, file: String, line: Int
    ) async -> (repeat Result<(each Operation).Output, ZooKeeperError>) {
        var requests: [Request] = []
        for operation in repeat each operations { requests.append(operation.makeRequest()) }
        let outcomes = await answers(to: requests, within: limit)
        var index = 0
        func next<Next: ZooKeeperOperation>(_ operation: Next) -> Result<Next.Output, ZooKeeperError> {
            defer { index += 1 }
            do {
                return .success(try operation.output(of: outcomes[index], to: requests[index]))
            } catch {
                return .failure(error.at(file: file, line: line))
            }
        }
        return (repeat next(each operations))
    }

    /// Sends several operations back to back and waits for all answers.
    public func results<Operation: ZooKeeperOperation>(
        of operations: [Operation], within limit: Duration?, file: String, line: Int
    ) async -> [Result<Operation.Output, ZooKeeperError>] {
        let requests = operations.map { $0.makeRequest() }
        let outcomes = await answers(to: requests, within: limit)
        return operations.indices.map { index in
            do throws(ZooKeeperError) {
                return .success(try operations[index].output(of: outcomes[index], to: requests[index]))
            } catch {
                return .failure(error.at(file: file, line: line))
            }
        }
    }

    private func answers(to requests: [Request], within limit: Duration?) async -> [PendingRequest.Answer] {
        if requests.isEmpty { return [] }
        let pendingRequests = submitPipeline(requests, tracedBelow: .currentTask)
        let timers = limit.map { limit in pendingRequests.map { $0.limit(to: limit) } } ?? []
        defer { for timer in timers { timer.cancel() } }
        var outcomes: [PendingRequest.Answer] = []
        for pending in pendingRequests { outcomes.append(await pending.answer()) }
        return outcomes
    }

    /// Proves an identity to the server, now and on every later connection of this session.
    ///
    /// Waits until nothing else is under way, because the C client puts it in front of what it has half sent.
    ///
    /// - Throws: ``ZooKeeperError``: `authenticationFailed` if no server knows the scheme or the proof is not accepted,
    ///   which also ends the session; and what any call may throw.
    public func authenticate(
        _ credential: Credential, file: String = #fileID, line: Int = #line
    ) async throws {
        try await send(credential, file: file, line: line)
    }

    /// As ``authenticate(_:file:line:)``, with a typed throw.
    func send(_ credential: Credential, file: String, line: Int) async throws(ZooKeeperError) {
        do {
            // Sent again after a lost connection: a server that refuses it closes the connection, whose end may be
            // faster than its answer; and to say it twice changes nothing.
            _ = try await submit(
                Request(.authenticate(credential)), retry: .withinRequestTimeout, tracedBelow: .currentTask
            ).answer().get()
            // What was refused for lack of rights may be granted now.
            janitor.removeLeftovers(in: self)
        } catch {
            throw error.at(file: file, line: line)
        }
    }
}
