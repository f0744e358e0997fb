// SPDX-License-Identifier: Apache-2.0

/// A list that most often has no element or one, and then allocates nothing.
@usableFromInline
@frozen package struct ShortList<Element> {
    /// Set unless the list is empty.
    @usableFromInline package private(set) var first: Element?
    @usableFromInline var others: [Element] = []

    @inlinable
    package init() {}

    @inlinable package var isEmpty: Bool { first == nil }

    @inlinable
    package mutating func append(_ element: Element) {
        if first == nil { first = element } else { others.append(element) }
    }

    @inlinable
    package mutating func append(contentsOf elements: some Sequence<Element>) {
        for element in elements { append(element) }
    }

    /// Takes out the first element that is meant; `nil` if there is none.
    @inlinable
    package mutating func takeFirst(where isMeant: (Element) -> Bool) -> Element? {
        guard let first else { return nil }
        if isMeant(first) {
            self.first = others.isEmpty ? nil : others.removeFirst()
            return first
        }
        return others.firstIndex(where: isMeant).map { others.remove(at: $0) }
    }

    @inlinable
    package func forEach(_ body: (Element) -> Void) {
        if let first { body(first) }
        for other in others { body(other) }
    }
}

extension ShortList: Sendable where Element: Sendable {}
