// Small files of stories, in the form that bAbI is published in.

import Foundation

/// Stories of a few tasks that anybody can make up.
public enum StoryFiles {
  private static let people = ["Mary", "John", "Sandra", "Daniel"]
  private static let rooms = ["bathroom", "hallway", "kitchen", "garden", "office", "bedroom"]
  private static let things = ["milk", "football", "apple"]
  private static let kinds = ["lion", "swan", "frog", "rhino"]
  private static let colors = ["white", "gray", "green", "yellow"]

  /// The text of a story of task 1, 8 or 16: a sentence or a question a line.
  public static func story(of task: Int, _ number: Int) -> [String] {
    func pick(_ texts: [String], _ step: Int = 0) -> String {
      texts[(number * (step + 1) + step + number / texts.count) % texts.count]
    }
    switch task {
    case 1:
      let (one, other) = (pick(people), people[(number + 1) % people.count])
      return [
        "1 \(one) moved to the \(pick(rooms)).", "2 \(other) went to the \(pick(rooms, 1)).",
        "3 Where is \(one)? \t\(pick(rooms))\t1", "4 \(one) went to the \(pick(rooms, 2)).",
        "5 Where is \(one)? \t\(pick(rooms, 2))\t4",
      ]
    case 8:
      let (first, second) = (pick(things), things[(things.firstIndex(of: pick(things))! + 1) % 3])
      return [
        "1 Mary got the \(first) there.", "2 What is Mary carrying? \t\(first)\t1",
        "3 Mary took the \(second).", "4 What is Mary carrying? \t\(first),\(second)\t1 3",
      ]
    default:
      let (kind, color) = (pick(kinds), pick(colors))
      return [
        "1 Lily is a \(kind).", "2 Brian is a \(kinds[(number + 1) % 4]).", "3 Lily is \(color).",
        "4 Brian is \(colors[(number + 2) % 4]).", "5 Greg is a \(kind).",
        "6 What color is Greg?\t\(color)\t5 1 3",
      ]
    }
  }

  /// The file of a task and split, with the given stories.
  public static func text(of task: Int, _ numbers: Range<Int>) -> String {
    numbers.flatMap { story(of: task, $0) }.joined(separator: "\n") + "\n"
  }

  /// Writes a folder with a file for each task and split: 40 stories to train on, and 10 of each of
  /// the other splits.
  public static func write(
    to folder: String, tasks: [Int] = [1, 8, 16], splits: [String] = ["train", "valid", "test"]
  ) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    for split in splits {
      let numbers = split == "train" ? 0..<40 : split == "valid" ? 40..<50 : 50..<60
      for task in tasks {
        let name =
          split == "valid" ? "qa\(task)_\(split).txt" : "qa\(task)_of-some-kind_\(split).txt"
        try text(of: task, numbers).write(
          toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
    }
  }
}
