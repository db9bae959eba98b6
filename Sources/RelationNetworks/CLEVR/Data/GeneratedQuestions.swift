// CLEVR without files: every sample is computed from its number, once.

import Learning
import Pictures
import Synchronization

extension CLEVR {
  /// The questions about the scenes of a seed.
  ///
  /// Sample `10 i + q` of a split is question `q` about scene `i`. A scene with its questions
  /// takes milliseconds to draw, so those that were asked for are kept: less than a kilobyte each.
  /// Pictures are kept on the disk, if there is a place for such files.
  final class GeneratedQuestions: Source {
    private let world: World
    private let sceneCounts: SplitCounts
    private let keepsPictures: Bool
    private let known = Mutex<[Split: [Int: Entry]]>([:])
    private let caches = Mutex<[Split: PictureCache?]>([:])

    /// A scene and its questions.
    private struct Entry {
      let objects: [State]
      /// The words of all questions.
      let words: [UInt8]
      let asked: [Asked]
    }

    private struct Asked {
      let words: Range<Int32>
      let answer: UInt8
      let category: Category
    }

    /// The questions of a seed.
    init(seed: UInt64, sceneCounts: SplitCounts, keepsPictures: Bool = true) {
      world = World(seed: seed)
      self.sceneCounts = sceneCounts
      self.keepsPictures = keepsPictures
    }

    /// The number of questions of a split.
    func sampleCount(of split: Split) -> Int { sceneCounts[split] * questionsPerScene }

    func sample(_ index: Int, in split: Split, withObjects: Bool) -> Sample {
      let (scene, number) = index.quotientAndRemainder(dividingBy: questionsPerScene)
      let entry = entry(scene, in: split)
      let asked = entry.asked[number]
      return Sample(
        scene: scene, image: imageFile(scene, in: split),
        objects: withObjects ? entry.objects : [],
        words: Array(entry.words[Int(asked.words.lowerBound)..<Int(asked.words.upperBound)]),
        answer: asked.answer, category: asked.category)
    }

    func picture(ofScene scene: Int, in split: Split) -> RGBImage {
      let cache = keepsPictures ? cache(of: split) : nil
      if let bytes = cache?.bytes(scene) {
        return RGBImage(width: imageExtent, height: imageExtent, bytes: bytes)
      }
      let picture = rendered(scene, in: split, width: imageExtent, height: imageExtent)
      cache?.keep(picture.bytes, of: scene)
      return picture
    }

    private func cache(of split: Split) -> PictureCache? {
      caches.withLock { caches in
        if let known = caches[split] { return known }
        let cache = PictureCache(
          seed: world.seed, split: split, byteCount: 3 * imageExtent * imageExtent)
        caches[split] = .some(cache)
        return cache
      }
    }

    /// The picture of a scene in any size.
    func rendered(_ scene: Int, in split: Split, width: Int, height: Int) -> RGBImage {
      let view = world.view(scene, in: split)
      return SceneRenderer(view.scene, from: view.camera).picture(width: width, height: height)
    }

    private func entry(_ scene: Int, in split: Split) -> Entry {
      if let entry = known.withLock({ $0[split]?[scene] }) { return entry }
      // Outside of the lock: whoever draws it, it is the same.
      let entry = draw(scene, in: split)
      known.withLock { $0[split, default: [:]][scene] = entry }
      return entry
    }

    private func draw(_ scene: Int, in split: Split) -> Entry {
      var (words, asked): ([UInt8], [Asked]) = ([], [])
      for question in world.questions(about: scene, in: split) {
        let first = Int32(words.count)
        guard let numbers = try? wordNumbers(of: question.text), let answer = question.answer,
          let category = question.category
        else { preconditionFailure("a generated question that is none: \(question)") }
        words += numbers
        asked.append(
          Asked(
            words: first..<Int32(words.count), answer: UInt8(answer.label), category: category))
      }
      precondition(asked.count == questionsPerScene, "\(asked.count) questions about \(scene)")
      return Entry(
        objects: world.view(scene, in: split).scene.objects.map { State($0) }, words: words,
        asked: asked)
    }

    /// How often each answer is right, of the first scenes of each split.
    var answerCounts: AnswerCounts {
      var counts = AnswerCounts()
      for split in Split.allCases {
        for scene in 0..<min(sceneCounts[split], 100) {
          for question in world.questions(about: scene, in: split) {
            counts.add(question, to: split)
          }
        }
      }
      return counts
    }
  }
}
