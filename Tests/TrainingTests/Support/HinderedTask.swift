// The synthetic task with something in the way of drawing its batches.

import Foundation
import Learning
import Synchronization
import Tensors
import Training

/// `SyntheticTask`, which lets a test do what it likes when a training batch is drawn.
struct HinderedTask: LearningTask {
  /// Something that lives as long as a copy of the task.
  final class Token: Sendable {}

  let base = SyntheticTask()
  let token = Token()
  /// Called before each training batch is drawn, with its samples.
  let hindrance: @Sendable ([Int]) throws -> Void

  var model: SyntheticModel { base.model }
  var facts: TaskFacts { base.facts }

  func batch(_ draw: Draw) throws -> SyntheticModel.Batch {
    if draw.split == .training { try hindrance(draw.samples) }
    return base.batch(draw)
  }
}

/// A list that threads share.
final class Journal<Entry: Sendable>: Sendable {
  private let list = Mutex<[Entry]>([])

  var entries: [Entry] { list.withLock { $0 } }

  func append(_ entry: Entry) { list.withLock { $0.append(entry) } }

  /// Waits until there are so many entries, for at most ten seconds.
  func wait(for count: Int) throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(10))
    while entries.count < count {
      guard ContinuousClock.now < deadline else {
        throw TrainingError("\(entries.count) entries instead of \(count).")
      }
      usleep(1000)
    }
  }
}
