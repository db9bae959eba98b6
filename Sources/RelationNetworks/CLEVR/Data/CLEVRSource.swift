// Where the samples of CLEVR come from, whatever that is.

import Learning
import Pictures

extension CLEVR {
  /// A question as models read it, and what it is about.
  struct Sample: Sendable {
    /// The number of the scene within its split.
    let scene: Int
    /// What people call the scene: the file of its image.
    let image: String
    /// The objects; empty if the source was not asked for them.
    let objects: [State]
    /// The numbers of the words.
    let words: [UInt8]
    /// The place of the answer among all answers.
    let answer: UInt8
    /// What the question is of.
    let category: Category
  }

  /// Where samples come from.
  protocol Source: Sendable {
    /// A sample of a split.
    func sample(_ index: Int, in split: Split, withObjects: Bool) throws -> Sample

    /// The image of a scene, 128 x 128.
    func picture(ofScene scene: Int, in split: Split) throws -> RGBImage
  }

  /// The name that a scene's image has in the published layout.
  static func imageName(_ scene: Int, in split: Split) -> String {
    let digits = String(scene)
    let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
    return "CLEVR_\(publishedName(of: split))_\(zeros)\(digits).png"
  }

  /// What the published data call a split.
  static func publishedName(of split: Split) -> String {
    switch split {
    case .training: "train"
    case .validation: "val"
    case .test: "test"
    }
  }
}

extension CLEVR.Category {
  /// The share of right answers to questions of this kind.
  var metric: Metric { .accuracy(name.replacing("_", with: "-")) }
}
