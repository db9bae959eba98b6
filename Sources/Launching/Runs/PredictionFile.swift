// What a model answered, sample by sample, in a file of JSON lines.

import Files
import Foundation
import Learning
import Training

/// A file with a line for each sample: what was asked, what was predicted and what was right.
struct PredictionFile: ~Copyable {
  private var file: AtomicFile

  /// A file that takes its name once it is whole.
  init(_ path: String) throws { file = try AtomicFile(replacing: path) }

  /// Adds the samples of a batch.
  ///
  /// Throws if the task's predictions cannot be put so.
  mutating func write(_ samples: [Int], _ exhibits: [[String: JSONValue]]?) throws {
    guard let exhibits else {
      throw TrainingError("What this task predicts cannot be written sample by sample.")
    }
    for (sample, exhibit) in zip(samples, exhibits) {
      var members = exhibit
      members["sample"] = .integer(sample)
      let text = Data((try line(JSONValue.object(members)) + "\n").utf8)
      text.withUnsafeBytes { file.append($0) }
    }
  }

  /// Puts the file in its place.
  consuming func finish() throws { try file.commit() }
}
