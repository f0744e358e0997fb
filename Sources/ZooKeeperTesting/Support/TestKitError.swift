/// Something the test kit needs is missing or did not work; the text says what, and what to do.
public struct TestKitError: Error, Sendable, CustomStringConvertible {
    public let description: String

    package init(_ description: String) { self.description = description }
}
