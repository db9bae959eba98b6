// The same for many things at once.

import Dispatch
import Synchronization

/// Calls `body` for each number, on as many threads as there are cores, and returns what it returns
/// in the numbers' order.
///
/// Throws what `body` threw for the first number that it threw for, after all of them.
@discardableResult
func concurrently<Value: Sendable>(
  _ numbers: Range<Int>, _ body: @Sendable (Int) throws -> Value
) throws -> [Value] {
  let results = Mutex<[Int: Result<Value, any Error>]>([:])
  DispatchQueue.concurrentPerform(iterations: numbers.count) { place in
    let number = numbers.lowerBound + place
    let result = Result { try body(number) }
    results.withLock { $0[number] = result }
  }
  let all = results.withLock { $0 }
  return try numbers.compactMap { try all[$0]?.get() }
}
