/// A list that most often has no element or one, and then allocates nothing.
package struct ShortList<Element> {
    package private(set) var first: Element?
    private var others: [Element] = []

    package init() {}

    package var isEmpty: Bool { first == nil }

    package mutating func append(_ element: Element) {
        if first == nil { first = element } else { others.append(element) }
    }

    package mutating func append(contentsOf elements: some Sequence<Element>) {
        for element in elements { append(element) }
    }

    package func forEach(_ body: (Element) -> Void) {
        if let first { body(first) }
        for other in others { body(other) }
    }
}

extension ShortList: Sendable where Element: Sendable {}
