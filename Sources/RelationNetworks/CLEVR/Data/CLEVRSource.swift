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
}

extension CLEVR.Category {
  /// The share of right answers to questions of this kind.
  var metric: Metric { .accuracy(name.replacing("_", with: "-")) }
}
