// SPDX-License-Identifier: Apache-2.0

/// The steps without a fault, as pairs of states.
struct Edges {
    private var from: [Int32] = []
    /// The states that are reached; for a step after a pause, with all bits inverted.
    private var to: [Int32] = []

    mutating func append(_ from: Int32, _ to: Int32, isPaced: Bool) {
        self.from.append(from)
        self.to.append(isPaced ? ~to : to)
    }

    /// Returns the first state from which no end can be reached, if there is one.
    func withoutEnd(_ count: Int, _ ends: [Int32]) -> Int? {
        func target(_ edge: Int) -> Int { Int(to[edge] < 0 ? ~to[edge] : to[edge]) }
        var start = [Int32](repeating: 0, count: count + 1)
        for edge in to.indices { start[target(edge) + 1] += 1 }
        for index in 1...count { start[index] += start[index - 1] }
        var position = start
        var sources = [Int32](repeating: 0, count: to.count)
        for edge in to.indices {
            sources[Int(position[target(edge)])] = from[edge]
            position[target(edge)] += 1
        }
        var reaches = [Bool](repeating: false, count: count)
        var stack = ends
        for end in ends { reaches[Int(end)] = true }
        while let state = stack.popLast() {
            for source in sources[Int(start[Int(state)])..<Int(start[Int(state) + 1])] where !reaches[Int(source)] {
                reaches[Int(source)] = true
                stack.append(source)
            }
        }
        return reaches.firstIndex(of: false)
    }

    /// Returns a state of a circle without a pause, if there is one: the first that is left when states without an
    /// entry are removed one after the other.
    func circle(_ count: Int) -> Int? {
        var start = [Int32](repeating: 0, count: count + 1)
        var entries = [Int32](repeating: 0, count: count)
        for edge in to.indices where to[edge] >= 0 {
            start[Int(from[edge]) + 1] += 1
            entries[Int(to[edge])] += 1
        }
        for index in 1...count { start[index] += start[index - 1] }
        var position = start
        var targets = [Int32](repeating: 0, count: Int(start[count]))
        for edge in to.indices where to[edge] >= 0 {
            targets[Int(position[Int(from[edge])])] = to[edge]
            position[Int(from[edge])] += 1
        }
        var free = entries.indices.filter { entries[$0] == 0 }
        while let state = free.popLast() {
            for target in targets[Int(start[state])..<Int(start[state + 1])] {
                entries[Int(target)] -= 1
                if entries[Int(target)] == 0 { free.append(Int(target)) }
            }
        }
        return entries.firstIndex { $0 > 0 }
    }
}
