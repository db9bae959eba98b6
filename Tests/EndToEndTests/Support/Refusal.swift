// What a program has to answer when something is wrong.

import Testing

/// Expects that a process ended with a code and a sentence that has some words, and not by a trap.
func expectRefusal(
  _ ended: Ended, code: Int32 = 1, _ words: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(ended.code == code, "\(ended)", sourceLocation: sourceLocation)
  #expect(ended.errors.hasPrefix("Error: "), "\(ended)", sourceLocation: sourceLocation)
  #expect(!ended.errors.contains("Fatal error"), "\(ended)", sourceLocation: sourceLocation)
  for word in words {
    #expect(
      ended.errors.contains(word), "\(word)\n\(ended)", sourceLocation: sourceLocation)
  }
}
