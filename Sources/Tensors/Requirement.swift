// What callers owe: a breach is a mistake in the program, and ends it with a sentence.

/// Ends the process with a message unless a condition holds, in optimised builds, too, where
/// `precondition` ends it without a word.
@inlinable
package func require(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}
