/// What should not happen in a benchmark has happened, so its figures mean nothing.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
