package import ZooKeeper

extension Promise.Wait {
    /// What came, if something came.
    package var value: Value? {
        if case .value(let value) = self { return value }
        return nil
    }
}
