// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperTesting

@Suite struct TrafficTests {
    @Test func countsAreSubtracted() {
        var earlier = Traffic()
        earlier.requests = [.create2: 1, .delete: 2]
        earlier.roundTrips = 2
        var later = earlier
        later.requests[.delete] = 5
        later.requests[.getData] = 1
        later.roundTrips = 4
        let difference = later - earlier
        #expect(difference.requests == [.delete: 3, .getData: 1])
        #expect(difference.requestCount == 4)
        #expect(difference.writeCount == 3)
        #expect(difference.description == "delete 3, getData 1 in 2 round trips")
    }
}
