/// An unexpected event in a benchmark, after which its figures mean nothing.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
