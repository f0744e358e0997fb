// SPDX-License-Identifier: Apache-2.0

/// A picture of a history: a lane for each process, with its waits, holds and faults; and one for the holders, which tells
/// why none holds at times, as far as the history tells it.
///
/// ``page`` is for a browser, ``picture`` for a document.
// Times are percentages of the width, so that the same marks fit any width, and text and patterns keep their shape.
public struct HistoryTimeline: Sendable {
    let history: History
    let report: HistoryReport
    let lanes: [TimelineLayout.Lane]
    let height: Int
    private let marks: [TimelineLayout.Mark]
    let began: Int64
    private let ended: Int64

    /// The height of the axis, in pixels.
    static let axis = 26

    /// Draws a history. Takes time and memory in proportion to its events; a page of an hour has about 10 MB.
    ///
    /// - Parameters:
    ///   - history: The history.
    ///   - report: What ``HistoryChecker`` found in it.
    public init(_ history: History, _ report: HistoryReport) {
        self.history = history
        self.report = report
        let layout = TimelineLayout(history, report)
        lanes = layout.lanes
        height = layout.height
        // Marks of a moment are drawn last, on top.
        marks = layout.marks.enumerated().sorted {
            (Self.level($0.element.shape), $0.offset) < (Self.level($1.element.shape), $1.offset)
        }.map(\.element)
        began = layout.began
        ended = layout.ended
    }

    var seconds: Int { Int((ended - began) / 1_000_000) }

    private static func level(_ shape: TimelineLayout.Mark.Shape) -> Int {
        switch shape {
        case .fault, .down, .gap: 0
        case .leads: 1
        case .wait: 2
        case .hold: 3
        case .killed, .refused: 4
        case .violation: 5
        }
    }

    // MARK: The plot

    /// Lanes, axis and marks, for an SVG element of any width and ``height`` plus ``axis``.
    var plot: String {
        var text = ""
        for (index, lane) in lanes.enumerated() {
            text += #"<rect class="lane\#(index % 2)" x="0" y="\#(lane.top)" width="100%" height="\#(lane.height)"/>"#
            if lane.kind == .holder {
                text += #"<line class="rule" x1="0" x2="100%" y1="\#(lane.height)" y2="\#(lane.height)"/>"#
            }
        }
        text += ticks
        for mark in marks { text += shape(of: mark) + "\n" }
        return text
    }

    /// The grid and its labels: at most about 13 in what a screen shows at once.
    private var ticks: String {
        let step = [1, 2, 5, 10, 20, 30].first { seconds * 100 <= 13 * $0 * zoom } ?? 60
        // Lines without a label in between, where there is room.
        let fine = step % 5 == 0 && seconds <= 300 ? step / 5 : step
        return stride(from: 0, through: seconds, by: fine).map { second in
            let x = percent(began + Int64(second) * 1_000_000)
            if second % step != 0 { return #"<line class="grid fine" x1="\#(x)" x2="\#(x)" y1="0" y2="\#(height)"/>"# }
            // The first and the last one stay inside.
            let isLast = (ended - began - Int64(second) * 1_000_000) * 28 < ended - began
            let place = second == 0 ? #"x="3""# : #"text-anchor="\#(isLast ? "end" : "middle")" x="\#(x)""#
            return #"<line class="grid" x1="\#(x)" x2="\#(x)" y1="0" y2="\#(height + 5)"/>"#
                + #"<text class="tick" \#(place) y="\#(height + 18)">\#(second) s</text>"#
        }.joined() + "\n"
    }

    /// The width of the plot in percent of the window's, which shows about a minute.
    var zoom: Int { max(100, seconds * 100 / 75) }

    private func shape(of mark: TimelineLayout.Mark) -> String {
        let lane = lanes[mark.lane]
        let x = percent(mark.from)
        let width = percent(mark.to - mark.from + began)
        let title = "<title>\(Self.escaped(mark.text))</title>"
        func rect(_ name: String, _ top: Int, _ height: Int, radius: Int = 0) -> String {
            let corner = radius > 0 ? #" rx="\#(radius)""# : ""
            return
                #"<rect class="\#(name)" x="\#(x)" y="\#(lane.top + top)" width="\#(width)" height="\#(height)"\#(corner)>"#
                + title + "</rect>"
        }
        /// Draws the mark of a moment, around a point, independent of the width.
        func sign(_ name: String, _ top: Int, _ path: String) -> String {
            #"<svg class="sign" x="\#(x)" y="\#(lane.top + top)" overflow="visible"><path class="\#(name)" d="\#(path)">"#
                + title + "</path></svg>"
        }
        let rowTop = lane.kind == .holder ? 5 : 5 + 14 * (mark.row ?? 0)
        let middle = lane.height / 2
        switch mark.shape {
        case .hold(let client, let isShared):
            return rect(
                "hold c\(client % 8)\(isShared ? " shared" : "")", rowTop, lane.kind == .holder ? 20 : 13, radius: 1)
        case .wait(let client): return rect("wait c\(client % 8)", rowTop + 5, 3)
        case .fault(let fault): return rect("fault \(Self.escaped(fault.rawValue))", 1, lane.height - 2, radius: 3)
        case .down: return rect("down", 1, lane.height - 2, radius: 3)
        case .gap(let labels, let isExplained):
            // The script of the page takes the longest that fits; without it, the first is cut off.
            let text =
                labels.isEmpty
                ? ""
                : #"<text class="reason" x="4" y="19" data-labels="\#(Self.escaped(labels.joined(separator: "|")))">\#(Self.escaped(label(labels, mark)))</text>"#
            return #"<svg x="\#(x)" y="\#(lane.top)" width="\#(width)" height="\#(lane.height)">"#
                + #"<rect class="gap\#(isExplained ? "" : " unknown")" y="3" width="100%" height="\#(lane.height - 6)">\#(title)</rect>\#(text)</svg>"#
        case .leads: return rect("leads", middle - 2, 4, radius: 2)
        case .killed: return sign("killed", middle, "M-5,-5L5,5M-5,5L5,-5")
        case .refused: return sign("refused", 0, "M-6,0L6,0L0,10Z")
        case .violation: return sign("violation", 0, "M0,0L0,\(lane.height)M-5,0L5,0L0,8Z")
        }
    }

    /// Returns the longest label that fits into a mark of ``picture``; empty if none does.
    private func label(_ labels: [String], _ mark: TimelineLayout.Mark) -> String {
        let width = Int(mark.to - mark.from) / 1_000 * (pictureWidth - 80) / max(1, Int(ended - began) / 1_000)
        return labels.first { $0.utf8.count * 6 + 8 <= width } ?? ""
    }

    private func percent(_ at: Int64) -> String {
        // In millionths, as a decimal number with four digits.
        let share = (at - began) * 1_000_000 / (ended - began)
        let digits = "\(share % 10_000)"
        return "\(share / 10_000).\(String(repeating: "0", count: 4 - digits.count))\(digits)%"
    }

    // MARK: The picture alone

    /// The timeline as the text of one SVG file, as wide as suits a screen. Needs nothing else, and follows the light or
    /// dark scheme of the reader.
    public var picture: String {
        let width = pictureWidth
        let top = 44
        let legend = TimelineStyle.legend(isReadWrite: isReadWrite, width: width - 80)
        let bottom = legend.height + 8
        let full = top + height + Self.axis + bottom
        let labels = lanes.map { lane in
            #"<text class="name" x="58" text-anchor="end" y="\#(top + lane.top + lane.height / 2 + 4)">\#(Self.escaped(lane.name))</text>"#
        }.joined()
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" class="page" width="\(width)" height="\(full)" viewBox="0 0 \(width) \(full)">
            <title>\(Self.escaped(history.title))</title>
            <style>\(TimelineStyle.colours)\(TimelineStyle.plot)</style>
            \(TimelineStyle.patterns)
            <rect class="paper" width="100%" height="100%"/>
            <text class="heading" x="14" y="26">\(Self.escaped(headline))</text>
            <text class="\(report.violations.isEmpty ? "well" : "wrong")" x="\(width - 14)" y="26" text-anchor="end">\(verdict)</text>
            \(labels)
            <svg x="66" y="\(top)" width="\(width - 80)" height="\(height + Self.axis)">
            \(plot)</svg>
            <svg x="66" y="\(top + height + Self.axis)">\(legend.marks)</svg>
            </svg>

            """
    }

    private var pictureWidth: Int { max(1_200, min(seconds * 20, 12_000)) }

    var isReadWrite: Bool { history.operations.contains { $0.access.isShared } }

    var verdict: String {
        switch report.violations.count {
        case 0: "no violation"
        case 1: "1 violation"
        default: "\(report.violations.count) violations"
        }
    }

    /// The numbers of processes, grants and faults, in one line.
    private var headline: String {
        let clients = lanes.count { if case .client = $0.kind { true } else { false } }
        return "\(clients) processes, \(seconds) s, \(report.grants) grants, \(history.faults.count) faults"
    }

    /// Escapes text for XML and HTML.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n": result += "&#10;"
            case _ where scalar.value < 0x20: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
