import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The lines of standard input. At its end the process ends too: nobody is left to work for.
struct Orders {
    let stream: AsyncStream<String>

    init() {
        let (stream, continuation) = AsyncStream<String>.makeStream()
        self.stream = stream
        // Reading blocks, so it has a thread of its own.
        DispatchQueue(label: "orders").async {
            while let line = readLine() { continuation.yield(line) }
            exit(3)
        }
    }
}
