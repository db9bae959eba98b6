// What is read of a folder in the published layout: tables of questions, and what is wrong with it.

import DataFiles
import Files
import Foundation
import Learning
import Pictures
import Synchronization

extension CLEVR.PublishedFolder {
  /// The scenes and the questions with answers of a split; what is counted goes to `answers`.
  ///
  /// Throws an error that names the file and the scene or question that is not right.
  func table(
    of split: Split, counting answers: inout CLEVR.AnswerCounts
  ) throws -> CLEVR.QuestionTable {
    var table = CLEVR.QuestionTable()
    var places: [Int: Int] = [:]
    if let scenes = scenesPath(of: split) {
      try CLEVR.SceneFile(scenes).forEach { listed in
        guard listed.scene.objects.count <= CLEVR.objectLimit else {
          throw SampleFileError(
            scenes,
            "image \(listed.image) has \(listed.scene.objects.count) objects, more than "
              + "\(CLEVR.objectLimit)")
        }
        guard places.updateValue(table.scenes.count, forKey: listed.image) == nil else {
          throw SampleFileError(scenes, "image \(listed.image) is there twice")
        }
        table.add(
          number: listed.image, image: try checked(listed.imageFile, scenes),
          objects: listed.scene.objects.map { CLEVR.State($0) })
      }
    }
    let questions = questionsPath(of: split)
    var index = 0
    try CLEVR.QuestionFile(questions).forEach { listed in
      defer { index += 1 }
      guard let answer = listed.question.answer, let category = listed.question.category else {
        return
      }
      if places[listed.image] == nil {
        // Pixels can be seen without a list of scenes.
        guard scenesPath(of: split) == nil else {
          throw SampleFileError(
            questions, "question \(index) is about image \(listed.image), which has no scene")
        }
        places[listed.image] = table.scenes.count
        table.add(
          number: listed.image, image: try checked(listed.imageFile, questions), objects: [])
      }
      do {
        table.add(
          words: try CLEVR.wordNumbers(of: listed.question.text), answer: answer.label,
          category: category, about: places[listed.image] ?? 0)
      } catch { throw SampleFileError(questions, "question \(index): \(error)") }
      answers.add(listed.question, to: split)
    }
    return table
  }

  /// The name of a file that lies in the folder of images.
  private func checked(_ image: String, _ list: String) throws -> String {
    guard !image.isEmpty, !image.contains("/"), image != ".." else {
      throw SampleFileError(list, "\"\(image)\" is no file of the folder of images")
    }
    return image
  }

  /// Packs a table; a file that was packed from the same lists and images before stays.
  ///
  /// `progress` is called with the share that is done.
  func pack(
    _ table: CLEVR.QuestionTable, of split: Split, to path: String,
    progress: (Double) -> Void
  ) throws {
    let source = try fingerprint(of: split)
    if let present = try? PackedFile(path), present.metadata["source"] == source { return }
    let hasImages = imagesPath(of: split) != nil
    try table.pack(
      to: path, metadata: ["source": source],
      pictures: hasImages
        ? { part in try concurrently(part) { try picture(table.scenes[$0].image, of: split) } }
        : nil,
      progress: { progress(Double($0) / Double(table.scenes.count)) })
  }

  /// What tells whether lists are the same, and whether images are packed with them.
  private func fingerprint(of split: Split) throws -> String {
    let lists = [scenesPath(of: split), questionsPath(of: split)].compactMap(\.self)
    let hashes = try lists.map { try contentHash(of: $0).hash }
    let digest = Digest(rawValue: 0).extended(byHashes: hashes)
    return "\(digest)\(imagesPath(of: split) == nil ? "" : " with images")"
  }

  /// Runs the program of every question of a split on its scene, and looks into every image.
  func check(
    _ split: Split, finding: (String) -> Void, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    var scenes: [Int: CLEVR.Scene] = [:]
    var images: [String] = []
    if let path = scenesPath(of: split) {
      try CLEVR.SceneFile(path).forEach { listed in
        if scenes.updateValue(listed.scene, forKey: listed.image) != nil {
          finding("\(path): image \(listed.image) is there twice")
        }
        images.append(listed.imageFile)
      }
    }
    let path = questionsPath(of: split)
    var (index, asked) = (0, Set<Int>())
    try CLEVR.QuestionFile(path).forEach { listed in
      if let problem = problem(with: listed, in: scenes) {
        finding("\(path): question \(index): \(problem)")
      }
      if asked.insert(listed.image).inserted && scenesPath(of: split) == nil {
        images.append(listed.imageFile)
      }
      index += 1
      if index.isMultiple(of: 1_000) { progress(index, index + images.count) }
    }
    guard imagesPath(of: split) != nil else { return progress(index, index) }
    for (number, image) in images.enumerated() {
      do { _ = try picture(try checked(image, path), of: split) } catch { finding("\(error)") }
      progress(index + number + 1, index + images.count)
    }
  }

  /// What is wrong with a question; `nil` if nothing is.
  private func problem(
    with listed: CLEVR.ListedQuestion, in scenes: [Int: CLEVR.Scene]
  ) -> String? {
    do { _ = try CLEVR.wordNumbers(of: listed.question.text) } catch { return "\(error)" }
    guard let program = listed.question.program else {
      return listed.question.answer == nil ? nil : "it has an answer, but no program"
    }
    guard let answer = listed.question.answer else { return "it has a program, but no answer" }
    if program.category == nil { return "its program ends with nothing that gives an answer" }
    guard let scene = scenes[listed.image] else {
      return scenes.isEmpty ? nil : "there is no scene of image \(listed.image)"
    }
    do {
      let right = try program.answer(in: scene)
      return right == answer ? nil : "the answer is \(right.name), not \(answer.name)"
    } catch { return "\(error)" }
  }
}

extension CLEVR {
  /// The questions of a folder in the published layout, as they are.
  ///
  /// The lists of a split are read when it is first asked for, an image whenever it is.
  final class PublishedQuestions: Source {
    private let folder: PublishedFolder
    /// The questions of each split as the data set's identity counts them.
    private let counts: [String: Int]
    private let tables = Mutex<[Split: QuestionTable]>([:])

    /// The questions at a place; `counts` are those of its identity.
    init(at place: DataPlace, counts: [String: Int]) throws {
      guard let folder = PublishedFolder(at: place) else {
        throw SampleFileError(place.path, "there are no questions of CLEVR in it")
      }
      self.folder = folder
      self.counts = counts
    }

    func sample(_ index: Int, in split: Split, withObjects: Bool) throws -> Sample {
      let sample = try table(of: split).sample(index)
      if withObjects && sample.objects.isEmpty {
        throw SampleFileError(
          folder.questionsPath(of: split),
          "there is no scene of image \(sample.image), which a model of state descriptions reads")
      }
      return sample
    }

    func picture(ofScene scene: Int, in split: Split) throws -> RGBImage {
      try folder.picture(try table(of: split).scenes[scene].image, of: split)
    }

    private func table(of split: Split) throws -> QuestionTable {
      try tables.withLock { tables in
        if let table = tables[split] { return table }
        var answers = AnswerCounts()
        let table = try folder.table(of: split, counting: &answers)
        let expected = counts[split.rawValue] ?? 0
        guard table.count == expected else {
          throw SampleFileError(
            folder.questionsPath(of: split),
            "it holds \(table.count) questions, but should hold \(expected)")
        }
        tables[split] = table
        return table
      }
    }
  }
}
