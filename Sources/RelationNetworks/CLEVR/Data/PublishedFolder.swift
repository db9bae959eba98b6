// Folders in the layout in which CLEVR is published.

import Files
import Foundation
import Learning
import Pictures

extension CLEVR {
  /// A folder in the layout of the published archive.
  ///
  ///     scenes/CLEVR_train_scenes.json          what is where; not published for the test split
  ///     questions/CLEVR_train_questions.json    without answers and programs in the test split
  ///     images/train/CLEVR_train_000000.png     of any size; nobody needs them for descriptions
  ///
  /// and the same for `val` and `test`; a folder may hold some splits only.
  struct PublishedFolder: Sendable {
    /// The folder that holds `questions`.
    let path: String

    /// The folder at a place, or in it as the archive has it; `nil` if neither is in this layout.
    init?(at place: DataPlace) {
      let candidates = [place.path, place.path + "/CLEVR_v1.0"]
      let found = candidates.first { path in
        Split.allCases.contains { Self.exists("\(path)/\(questionsFile(of: $0))") }
      }
      guard let found else { return nil }
      path = found
    }

    /// The splits that there are questions of.
    var splits: [Split] { Split.allCases.filter { Self.exists(questionsPath(of: $0)) } }

    /// The file of a split's questions.
    func questionsPath(of split: Split) -> String { "\(path)/\(questionsFile(of: split))" }

    /// The file of a split's scenes; `nil` if there is none.
    func scenesPath(of split: Split) -> String? {
      let file = "\(path)/\(scenesFile(of: split))"
      return Self.exists(file) ? file : nil
    }

    /// The folder of a split's images; `nil` if there is none.
    func imagesPath(of split: Split) -> String? {
      let folder = "\(path)/\(imagesFolder(of: split))"
      return Self.exists(folder) ? folder : nil
    }

    private static func exists(_ path: String) -> Bool {
      FileManager.default.fileExists(atPath: path)
    }

    /// The image of a scene, 128 x 128: each pixel is the mean of the area that it covers.
    func picture(_ image: String, of split: Split) throws -> RGBImage {
      guard let folder = imagesPath(of: split) else {
        throw SampleFileError(
          "\(path)/\(imagesFolder(of: split))",
          "there is no such folder, and a model that sees pixels needs its images")
      }
      return try RGBImage(contentsOf: URL(fileURLWithPath: "\(folder)/\(image)"))
        .resized(toWidth: imageExtent, height: imageExtent)
    }
  }

  /// The folder of a split's images, in a folder in the published layout.
  static func imagesFolder(of split: Split) -> String { "images/\(name(of: split))" }
}
