// The threads within one replica.

import Foundation

/// A fixed number of threads that share out the chunks of one operation at a time.
///
/// What is computed never depends on the number of threads: an operation splits its work into
/// chunks fixed by its shapes, and sums partial results in chunk order.
public final class ThreadPool: Sendable {
  /// The number of threads, the calling one included.
  public let threadCount: Int
  private let shared: Shared

  /// A pool that keeps `threadCount - 1` threads waiting beside the caller's.
  public init(threadCount: Int) {
    require(threadCount >= 1, "a pool needs at least the calling thread")
    self.threadCount = threadCount
    let shared = Shared()
    self.shared = shared
    for index in 1..<max(threadCount, 1) {
      let thread = Thread { shared.serve() }
      thread.name = "relate-\(index)"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  deinit { shared.stop() }

  /// Calls `body` once for every chunk, on any of the threads, and returns when all are done.
  ///
  /// Must not be called from within a chunk, nor from two threads at once.
  public func run(chunks: Int, _ body: @Sendable (Int) -> Void) {
    if threadCount == 1 || chunks <= 1 {
      for chunk in 0..<chunks { body(chunk) }
      return
    }
    withoutActuallyEscaping(body) { shared.run(chunks: chunks, $0) }
  }

  /// The job at hand.
  ///
  /// `@unchecked Sendable`: every property is read and written under `condition`.
  private final class Shared: @unchecked Sendable {
    private let condition = NSCondition()
    private var body: (@Sendable (Int) -> Void)?
    private var next = 0
    private var chunks = 0
    private var unfinished = 0
    private var isStopped = false

    func run(chunks: Int, _ body: @escaping @Sendable (Int) -> Void) {
      condition.lock()
      require(self.body == nil, "a thread pool runs one operation at a time")
      self.body = body
      self.chunks = chunks
      next = 0
      unfinished = chunks
      condition.broadcast()
      work()
      while unfinished > 0 { condition.wait() }
      self.body = nil
      condition.unlock()
    }

    func serve() {
      condition.lock()
      while !isStopped {
        work()
        condition.wait()
      }
      condition.unlock()
    }

    func stop() {
      condition.lock()
      isStopped = true
      condition.broadcast()
      condition.unlock()
    }

    /// Takes chunks until none is left; called and left with `condition` locked.
    private func work() {
      while let body, next < chunks {
        let chunk = next
        next += 1
        condition.unlock()
        body(chunk)
        condition.lock()
        unfinished -= 1
        if unfinished == 0 { condition.broadcast() }
      }
    }
  }
}
