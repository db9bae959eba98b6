// Sort-of-CLEVR from files: exported ones, or people's own in the same format.

import Foundation
import Learning
import Pictures
import Synchronization

extension SortOfCLEVR {
  /// The name of a split's list of scenes and questions.
  static let listName = "questions.json"

  /// A directory with a list of scenes and questions and a picture for each scene, per split.
  ///
  ///     training/questions.json       a list with an entry per image: see `ListedScene`
  ///     training/000000.png           its images, of 75 x 75 pixels or a multiple
  ///     validation/…, test/…
  ///
  /// A list is read as a whole when its split is first asked for, a picture when it is.
  final class SceneDirectory: Source {
    private let path: String
    /// The questions of each split as its manifest counts them.
    private let counts: [String: Int]
    private let lists = Mutex<[Split: SceneList]>([:])

    /// The directory at a place; `counts` are those of its identity.
    init(at place: DataPlace, counts: [String: Int]) {
      path = place.path
      self.counts = counts
    }

    func askedScene(_ sample: Int, in split: Split, asPixels: Bool) throws -> AskedScene {
      let list = try list(of: split)
      let (scene, question, answer) = list[sample]
      let view: AskedScene.View
      if asPixels {
        view = .picture(try SortOfCLEVR.picture("\(path)/\(split.rawValue)/\(scene.image)"))
      } else if let objects = scene.objects {
        view = .objects(objects)
      } else {
        throw SampleFileError(
          list.path, line: scene.line,
          "the entry has no objects, which a model of state descriptions reads")
      }
      return AskedScene(view: view, question: question, answer: answer)
    }

    private func list(of split: Split) throws -> SceneList {
      try lists.withLock { lists in
        if let list = lists[split] { return list }
        let list = try SceneList(contentsOf: "\(path)/\(split.rawValue)/\(listName)")
        let expected = counts[split.rawValue] ?? 0
        guard list.questionCount == expected else {
          throw SampleFileError(
            list.path, "it holds \(list.questionCount) questions, but should hold \(expected)")
        }
        lists[split] = list
        return list
      }
    }
  }

  /// The picture of a file in the extent that models see.
  static func picture(_ path: String) throws -> RGBImage {
    let picture = try RGBImage(contentsOf: URL(fileURLWithPath: path))
    guard picture.width == picture.height, picture.width % imageExtent == 0 else {
      throw SampleFileError(
        path,
        "the picture has \(picture.width) x \(picture.height) pixels; it needs "
          + "\(imageExtent) x \(imageExtent) or an exact multiple")
    }
    return picture.resized(toWidth: imageExtent, height: imageExtent)
  }

  /// The scenes and questions of a split.
  struct SceneList: Sendable {
    /// What is listed of a scene.
    struct Scene: Sendable {
      let image: String
      let objects: [Object]?
      let line: Int
      /// Where its questions begin among the split's.
      let firstQuestion: Int
    }

    let path: String
    private(set) var scenes: [Scene] = []
    private(set) var questions: [(Question, Answer)] = []

    var questionCount: Int { questions.count }

    /// The list in a file.
    ///
    /// Throws a `SampleFileError` that names the line that cannot be read.
    init(contentsOf path: String) throws {
      try self.init(contentsOf: path, orElse: { throw $0 })
    }

    /// The list in a file, without the entries that cannot be read; `orElse` is told of each.
    init(contentsOf path: String, orElse: (SampleFileError) throws -> Void) throws {
      self.path = path
      let decoder = JSONDecoder()
      try JSONList(contentsOf: path).forEach { element, line in
        do {
          let listed = try decoder.decode(ListedScene.self, from: element)
          let understood = try listed.questions.map { try $0.understood() }
          scenes.append(
            Scene(
              image: try listed.checkedImage(), objects: try listed.describedObjects(), line: line,
              firstQuestion: questions.count))
          questions += understood
        } catch let problem as ListedSceneProblem {
          try orElse(SampleFileError(path, line: line, problem.description))
        } catch let error as DecodingError {
          try orElse(SampleFileError(path, line: line, readable(error)))
        }
      }
    }

    /// A question with its scene.
    subscript(question: Int) -> (scene: Scene, question: Question, answer: Answer) {
      var (low, high) = (0, scenes.count)
      while high - low > 1 {
        let middle = (low + high) / 2
        if scenes[middle].firstQuestion <= question { low = middle } else { high = middle }
      }
      return (scenes[low], questions[question].0, questions[question].1)
    }

    /// How often each answer is right.
    var answerCounts: AnswerCounts {
      var counts = AnswerCounts()
      for (question, answer) in questions { counts.add(answer, to: question.kind) }
      return counts
    }
  }
}
