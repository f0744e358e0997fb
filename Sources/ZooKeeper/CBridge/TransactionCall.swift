// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

/// The operations of one `zoo_amulti`, and the buffers that C fills when the answer comes.
///
/// C writes into them when it answers, or while the handle is being closed. The ``CCall`` holds this object, and is
/// there until then.
///
/// Sendable: it is filled before C gets it, C fills the results before it answers, and they are read while it answers.
@safe final class TransactionCall: @unchecked Sendable {
    let operations: UnsafeMutablePointer<zoo_op_t>
    let results: UnsafeMutablePointer<zoo_op_result_t>
    private let steps: [ServerStep]
    private let stats: UnsafeMutablePointer<Stat>
    /// Whatever else was allocated for the operations.
    private var blocks: [UnsafeMutableRawPointer] = unsafe []

    init(_ steps: [ServerStep]) {
        self.steps = steps
        unsafe operations = .allocate(capacity: max(steps.count, 1))
        unsafe results = .allocate(capacity: max(steps.count, 1))
        unsafe results.initialize(repeating: zoo_op_result_t(), count: max(steps.count, 1))
        unsafe stats = .allocate(capacity: max(steps.count, 1))
        unsafe stats.initialize(repeating: Stat(), count: max(steps.count, 1))
        for (index, step) in steps.enumerated() {
            unsafe operations.advanced(by: index).initialize(to: zoo_op_t())
            unsafe fill(operations.advanced(by: index), with: step, stat: stats.advanced(by: index))
        }
    }

    deinit {
        unsafe operations.deallocate()
        unsafe results.deallocate()
        unsafe stats.deallocate()
        unsafe blocks.forEach { unsafe $0.deallocate() }
    }

    private func fill(
        _ operation: UnsafeMutablePointer<zoo_op_t>, with step: ServerStep, stat: UnsafeMutablePointer<Stat>
    ) {
        let path = step.path.string
        switch step.action {
        case .create(let data, let mode, let accessControl):
            // Room for the digits of a sequential node. Too little and C cuts the path off without a word.
            let capacity = path.utf8.count + 32
            unsafe zoo_create_op_init(
                operation, copy(path), copy(data), Int32(data.count), copy(accessControl), mode.cMode,
                allocate(capacity).assumingMemoryBound(to: CChar.self), Int32(capacity))
        case .setData(let data, let version):
            unsafe zoo_set_op_init(operation, copy(path), copy(data), Int32(data.count), version, stat)
        case .delete(let version): unsafe zoo_delete_op_init(operation, copy(path), version)
        case .check(let version): unsafe zoo_check_op_init(operation, copy(path), version)
        }
    }

    /// The answer, from C's code and the filled buffers.
    func result(_ code: Int32) -> Result<ServerResponse, ResultFailure> {
        let results = unsafe UnsafeBufferPointer(start: results, count: steps.count)
        guard code == 0 else {
            // Those before the one at fault read 0 though they were rolled back, those after it -2.
            let failed = unsafe results.firstIndex { unsafe $0.err == code }
            let isAnswer = ResultCode(rawValue: code).isAnswer
            return .failure(ResultFailure(ResultCode(rawValue: code), failedOperation: isAnswer ? failed : nil))
        }
        let kinds: [ServerResponse] = unsafe zip(steps, results).map { step, result in
            switch step.action {
            case .create:
                .created(
                    path: unsafe result.value.map { ServerPath(received: unsafe String(cString: $0)) } ?? step.path,
                    stat: nil)
            case .setData: unsafe result.stat.map { .stat(ZNodeStat(unsafe $0.pointee)) } ?? .done
            case .delete, .check: .done
            }
        }
        return .success(.transaction(kinds))
    }

    private func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
        unsafe blocks.append(block)
        return unsafe block
    }

    private func copy(_ string: String) -> UnsafePointer<CChar> {
        unsafe copy(Array(string.utf8) + [0])
    }

    private func copy(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
        let block = unsafe allocate(bytes.count)
        unsafe bytes.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { unsafe block.copyMemory(from: base, byteCount: bytes.count) }
        }
        return unsafe UnsafePointer(block.assumingMemoryBound(to: CChar.self))
    }

    private func copy(_ accessControl: AccessControl) -> UnsafePointer<ACL_vector> {
        let count = accessControl.entries.count
        let list = unsafe allocate(count * MemoryLayout<ACL>.stride).bindMemory(to: ACL.self, capacity: count)
        for (index, entry) in accessControl.entries.enumerated() {
            let scheme = unsafe UnsafeMutablePointer(mutating: copy(entry.identity.scheme))
            let id = unsafe UnsafeMutablePointer(mutating: copy(entry.identity.id))
            unsafe list[index] = unsafe ACL(perms: entry.permissions.rawValue, id: Id(scheme: scheme, id: id))
        }
        let vector = unsafe allocate(MemoryLayout<ACL_vector>.stride).bindMemory(to: ACL_vector.self, capacity: 1)
        unsafe vector.pointee = unsafe ACL_vector(count: Int32(count), data: list)
        return unsafe UnsafePointer(vector)
    }
}
