// The whole of Sort-of-CLEVR: nothing is stored, every sample is computed from its number.

import Learning

extension SortOfCLEVR {
  /// The images that the paper made and 200 more: it withheld 200 of 10,000, which are our test
  /// split; the validation split is apart from it, so that choosing a checkpoint does not flatter
  /// the result.
  public static let paperImages = SplitCounts(training: 9_800, validation: 200, test: 200)

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
    public let imageCounts: SplitCounts

    /// The data set of a seed.
    public init(seed: UInt64, imageCounts: SplitCounts = paperImages) {
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

    /// What is reached by always giving the commonest answer of each kind of question.
    ///
    /// Taken over the first 1,000 images of the training split, or the first 10,000 of another.
    public func commonestAnswers() -> Baseline {
      let measurements = Split.allCases.map { split in
        var counts = AnswerCounts()
        for image in 0..<min(imageCounts[split], split == .training ? 1_000 : 10_000) {
          let scene = scene(image, in: split)
          for number in 0..<questionsPerImage {
            let question = question(number, aboutImage: image, in: split)
            counts.add(question.answer(in: scene), to: question.kind)
          }
        }
        return (split, counts.commonest)
      }
      return Baseline(AnswerCounts.baselineName, Dictionary(uniqueKeysWithValues: measurements))
    }
  }

  /// How often each answer is right, for each kind of question.
  struct AnswerCounts {
    static let baselineName = "always the commonest answer"

    private var counts = [[Int]](
      repeating: [Int](repeating: 0, count: Answer.allCases.count), count: Kind.allCases.count)

    mutating func add(_ answer: Answer, to kind: Kind) {
      counts[kind.rawValue][answer.rawValue] += 1
    }

    /// The counts that JSON tells: by kind, then by answer, those above zero alone.
    init(json: JSONValue) {
      for kind in Kind.allCases {
        for answer in Answer.allCases {
          guard case .integer(let count)? = json.value(at: [kind.name, answer.name]),
            (1..<1 << 40).contains(count)
          else { continue }
          counts[kind.rawValue][answer.rawValue] = count
        }
      }
    }

    init() {}

    /// The counts by kind, then by answer.
    var json: JSONValue {
      let kinds = zip(Kind.allCases, counts).map { kind, counts in
        let answers = zip(Answer.allCases, counts).filter { $1 > 0 }
          .map { ($0.name, JSONValue.integer($1)) }
        return (kind.name, JSONValue.object(Dictionary(uniqueKeysWithValues: answers)))
      }
      return .object(Dictionary(uniqueKeysWithValues: kinds))
    }

    /// How often the commonest answer of each kind is right.
    var commonest: [MetricPath: Measurement] {
      let measurements = zip(Kind.allCases, counts).map { kind, counts in
        (
          kind.metric.path,
          Measurement(sum: Double(counts.max() ?? 0), weight: Double(counts.reduce(0, +)))
        )
      }
      return Dictionary(uniqueKeysWithValues: measurements)
    }
  }
}
