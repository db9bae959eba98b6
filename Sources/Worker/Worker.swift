// The Worker executable.

import ArgumentParser
import Launching

@main
enum Main {
  static func main() { WorkerCommand.main() }
}
