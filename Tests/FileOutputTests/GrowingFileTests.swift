import FileOutput
import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite("Files that grow by whole pieces")
struct GrowingFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "mvar-lines-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test("Lines follow what is there, and are in the file at once")
    func appends() throws {
        try withFolder { folder in
            let path = folder + "/log"
            for round in 1...2 {
                let file = try GrowingFile(path: path)
                try file.append("a\(round)")
                try file.append("b\(round)")
                try file.synchronize()
                let lines = try String(contentsOfFile: path, encoding: .utf8)
                #expect(lines == (round == 1 ? "a1\nb1\n" : "a1\nb1\na2\nb2\n"))
            }
        }
    }

    // In a process of its own: the limit holds for all of it.
    @Test("A line for which there is no room leaves nothing of itself")
    func noRoom() async {
        await #expect(processExitsWith: .success) {
            let path = NSTemporaryDirectory() + "mvar-line-\(getpid())"
            defer { unlink(path) }
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 10, rlim_max: 10)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let file = try GrowingFile(path: path)
            try file.append("123456")
            // Three bytes of it fit.
            #expect(throws: FileOutputError.failed(operation: "write", path: path, code: EFBIG)) {
                try file.append("789")
            }
            try #require(try String(contentsOfFile: path, encoding: .utf8) == "123456\n")
        }
    }

    @Test("A file that has to be new is not opened where there is one")
    func existing() throws {
        try withFolder { folder in
            let path = folder + "/log"
            try GrowingFile(path: path, isNew: true).append([0, 255])
            #expect(throws: FileOutputError.failed(operation: "open", path: path, code: EEXIST)) {
                try GrowingFile(path: path, isNew: true)
            }
            #expect(FileManager.default.contents(atPath: path).map([UInt8].init) == [0, 255])
        }
    }

    @Test("A full device and an absent folder are told")
    func failures() throws {
        let full = try GrowingFile(path: "/dev/full")
        #expect(throws: FileOutputError.failed(operation: "write", path: "/dev/full", code: ENOSPC)) {
            try full.append("x")
        }
        #expect(throws: FileOutputError.failed(operation: "open", path: "/absent/log", code: ENOENT)) {
            try GrowingFile(path: "/absent/log")
        }
    }

    @Test("Temporary files that a killed program left are removed, others are not")
    func abandoned() throws {
        try withFolder { folder in
            for name in [".mvar-1x.tmp", "mvar-1x.tmp", ".mvar-1x", "a"] {
                try AtomicFile.write([1], to: folder + "/" + name)
            }
            AtomicFile.removeAbandonedFiles(in: folder)
            AtomicFile.removeAbandonedFiles(in: folder + "/absent")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    ".mvar-1x", "a", "mvar-1x.tmp",
                ])
        }
    }
}
