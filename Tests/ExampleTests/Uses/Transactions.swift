// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Both transactions, and which operation was in the way.
func enqueue(_ job: [UInt8], _ client: ZooKeeperClient) async throws -> Int? {
    var culprit: Int?
    do {
        let (created, _) = try await client.transaction(
            Create("/jobs/job-", data: job, mode: .persistentSequential), Check("/jobs/open"))
        let steps: [any TransactionOperation] = [Delete(created.path), SetData("/jobs/last", to: job)]
        try await client.transaction(steps)
    } catch let error as ZooKeeperError where error.failedOperation != nil {
        culprit = error.failedOperation
    } catch ZooKeeperError.Code.requestTooLarge {
        culprit = 0
    }
    return culprit
}
