// The whole of Sort-of-CLEVR: nothing is stored, every sample is computed from its number.

import NeuralNetworks

extension SortOfCLEVR {
  /// The number of images of each split.
  public struct ImageCounts: Codable, Hashable, Sendable {
    /// Images that parameters are fitted to.
    public var training: Int
    /// Images that choose among checkpoints.
    public var validation: Int
    /// Images that results are reported on.
    public var test: Int

    /// The given numbers of images.
    ///
    /// The paper made 10,000 images and withheld 200 of them. Those 200 are our test split; the
    /// validation split is apart from it, so that choosing a checkpoint does not flatter the
    /// result.
    public init(training: Int = 9_800, validation: Int = 200, test: Int = 200) {
      self.training = training
      self.validation = validation
      self.test = test
    }

    /// The number of images of a split.
    public subscript(split: Split) -> Int {
      switch split {
      case .training: training
      case .validation: validation
      case .test: test
      }
    }
  }

  /// One question about one image.
  public struct Sample: Hashable, Sendable {
    /// What the image shows.
    public let scene: Scene
    /// What is asked about it.
    public let question: Question

    /// The right answer.
    public var answer: Answer { question.answer(in: scene) }
  }

  /// The data set of a seed.
  ///
  /// Sample `20 i + q` of a split is question `q` about image `i`.
  ///
  /// A scene takes a few microseconds to draw, much less than to read from a disk, so samples are
  /// computed when they are asked for, in any order, by any process.
  public struct DataSet: Hashable, Sendable {
    /// What the scenes and the questions are drawn from.
    public let seed: UInt64
    /// The number of images of each split.
    public let imageCounts: ImageCounts

    /// The data set of a seed.
    public init(seed: UInt64, imageCounts: ImageCounts = ImageCounts()) {
      self.seed = seed
      self.imageCounts = imageCounts
    }

    /// The number of questions of a split.
    public func sampleCount(of split: Split) -> Int { imageCounts[split] * questionsPerImage }

    /// The scene of an image.
    public func scene(_ image: Int, in split: Split) -> Scene {
      precondition((0..<imageCounts[split]).contains(image), "image \(image) of \(split.rawValue)")
      return Scene(seed: seed, split: split, index: image)
    }

    /// Question 0 ..< 20 about an image.
    public func question(_ number: Int, aboutImage image: Int, in split: Split) -> Question {
      Question(seed: seed, split: split, image: image, number: number)
    }

    /// A sample of a split.
    public func sample(_ index: Int, in split: Split) -> Sample {
      let (image, number) = index.quotientAndRemainder(dividingBy: questionsPerImage)
      return Sample(
        scene: scene(image, in: split), question: question(number, aboutImage: image, in: split))
    }

    /// The accuracy, from 0 to 1, of always giving the commonest answer of each kind of question,
    /// in the order of kinds; taken over the first 10,000 images of a larger split.
    public func commonestAnswerAccuracy(in split: Split) -> [Double] {
      let answerCount = Answer.allCases.count
      var counts = Kind.allCases.map { _ in [Int](repeating: 0, count: answerCount) }
      for image in 0..<min(imageCounts[split], 10_000) {
        let scene = scene(image, in: split)
        for number in 0..<questionsPerImage {
          let question = question(number, aboutImage: image, in: split)
          counts[question.kind.rawValue][question.answer(in: scene).rawValue] += 1
        }
      }
      return counts.map { answers in
        let total = answers.reduce(0, +)
        return total == 0 ? 0 : Double(answers.max() ?? 0) / Double(total)
      }
    }
  }
}
