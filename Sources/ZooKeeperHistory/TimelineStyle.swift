// SPDX-License-Identifier: Apache-2.0

/// The style of a timeline: colours for light and dark screens, shapes, patterns, the legend.
enum TimelineStyle {
    /// The palette, as variables of the elements of class `page`.
    static let colours = """

        .page{--paper:#ffffff;--lane0:#f6f7f9;--lane1:#fbfbfd;--ink:#1c2430;--soft:#66707f;--grid:#e3e6eb;--red:#d92632;\
        --green:#1a7f4b;--ice:#5aa2e0;--amber:#d98a00;--violet:#8b5cd6;--dark:#3c4552;--card:#f6f7f9;--gap:#fbe4e4;--why:#8c1d24;
        --c0:#3b76b8;--c1:#e0822f;--c2:#4f9d4a;--c3:#9564ad;--c4:#2b9a97;--c5:#b98a12;--c6:#c65b8c;--c7:#7a6a5c}
        @media (prefers-color-scheme:dark){.page{--paper:#12161c;--lane0:#191e26;--lane1:#151a21;--ink:#e4e8ee;--soft:#8e99a9;\
        --grid:#2a313c;--red:#ff5d66;--green:#4cc38a;--ice:#6db3f2;--amber:#f0a92e;--violet:#b08cf0;--dark:#7d8796;--card:#191e26;--gap:#3d2227;--why:#ffb3b6;
        --c0:#6aa5e8;--c1:#f3a057;--c2:#77c471;--c3:#c194d8;--c4:#54c6c2;--c5:#dfb547;--c6:#ee8db8;--c7:#b3a294}}

        """

    static let plot = """
        text{font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
        .paper{fill:var(--paper)}.lane0{fill:var(--lane0)}.lane1{fill:var(--lane1)}
        .rule{stroke:var(--soft);stroke-width:1}.grid{stroke:var(--grid);stroke-width:1}
        .fine{opacity:.5}
        .tick{font-size:12px;fill:var(--soft)}.name{font-weight:600}.key{font-size:12px;fill:var(--ink)}
        .gap{fill:var(--gap);stroke:var(--why);stroke-width:.8;stroke-dasharray:4 3}.gap.unknown{fill:var(--paper);stroke:var(--soft)}
        .reason{font-size:11.5px;font-weight:600;fill:var(--why);pointer-events:none}
        .heading{font-size:15px;font-weight:600}
        .well{font-size:15px;font-weight:600;fill:var(--green)}.wrong{font-size:15px;font-weight:700;fill:var(--red)}
        .c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
        .c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
        .hold{fill:var(--c);stroke:var(--c);stroke-width:1.2}
        .hold.shared{fill-opacity:.28}
        .wait{fill:var(--c);opacity:.34}
        .fault{stroke-width:1;fill:var(--soft);fill-opacity:.2;stroke:var(--soft)}
        .freeze-client,.freeze-server{fill:url(#frozen);fill-opacity:1;stroke:var(--ice)}
        .partition-client,.partition-server{fill:url(#severed);fill-opacity:1;stroke:var(--amber)}
        .expire{fill:var(--violet);fill-opacity:.2;stroke:var(--violet)}
        .stop-client,.close-client{fill:var(--green);fill-opacity:.14;stroke:var(--green)}
        .delay,.throttle-server{fill:url(#slow);fill-opacity:1;stroke:var(--soft)}
        .down{fill:var(--dark);fill-opacity:.62}
        .leads{fill:var(--green)}
        .killed{stroke:var(--red);stroke-width:2.6;stroke-linecap:round;fill:none}
        .refused{fill:var(--ink);stroke:var(--paper);stroke-width:1.6;stroke-linejoin:round}
        .violation{fill:var(--red);stroke:var(--red);stroke-width:2}
        """

    static let patterns = """
        <defs>
        <pattern id="frozen" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
        <rect width="6" height="6" style="fill:var(--ice);opacity:.14"/><rect width="2" height="6" style="fill:var(--ice);opacity:.55"/></pattern>
        <pattern id="severed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">\
        <rect width="6" height="6" style="fill:var(--amber);opacity:.12"/><rect width="2" height="6" style="fill:var(--amber);opacity:.5"/></pattern>
        <pattern id="slow" width="5" height="5" patternUnits="userSpaceOnUse">\
        <rect width="5" height="5" style="fill:var(--soft);opacity:.1"/><circle cx="2" cy="2" r="1" style="fill:var(--soft);opacity:.7"/></pattern>
        </defs>
        """

    /// The marks of the legend, each in a field of 16 by 32 pixels, with their meaning.
    static func keys(isReadWrite: Bool) -> [(mark: String, text: String)] {
        var keys: [(mark: String, text: String)] = [
            (
                #"<rect class="hold c0" y="10" width="7" height="12" rx="1"/><rect class="hold c1" x="9" y="10" width="7" height="12" rx="1"/>"#,
                "holds, by process"
            )
        ]
        if isReadWrite {
            keys.append((#"<rect class="hold c0 shared" y="10" width="16" height="12" rx="1"/>"#, "reads"))
        }
        return keys + [
            (#"<rect class="wait c0" y="15" width="16" height="3"/>"#, "waits"),
            (#"<rect class="gap" y="9" width="16" height="14"/>"#, "none holds, with the reason"),
            (#"<rect class="gap unknown" y="9" width="16" height="14"/>"#, "none holds, reason not known"),
            (#"<rect class="fault freeze-client" y="9" width="16" height="14" rx="3"/>"#, "frozen"),
            (#"<rect class="fault partition-client" y="9" width="16" height="14" rx="3"/>"#, "cut off"),
            (#"<path class="killed" d="M3,11L13,21M3,21L13,11"/>"#, "killed -9"),
            (#"<rect class="down" y="9" width="16" height="14" rx="3"/>"#, "down"),
            (#"<rect class="fault expire" y="9" width="16" height="14" rx="3"/>"#, "session expired"),
            (#"<rect class="fault stop-client" y="9" width="16" height="14" rx="3"/>"#, "ended in order"),
            (#"<rect class="fault delay" y="9" width="16" height="14" rx="3"/>"#, "slow"),
            (#"<rect class="fault" y="9" width="16" height="14" rx="3"/>"#, "other faults"),
            (#"<rect class="leads" y="14" width="16" height="4" rx="2"/>"#, "leads the servers"),
            (#"<path class="refused" d="M2,11L14,11L8,21Z"/>"#, "late write refused"),
            (#"<path class="violation" d="M8,9L8,23M3,9L13,9L8,16Z"/>"#, "violation"),
        ]
    }

    /// Draws the legend in rows of a width in pixels.
    static func legend(isReadWrite: Bool, width: Int) -> (marks: String, height: Int) {
        var (x, y) = (0, 0)
        var text = ""
        for key in keys(isReadWrite: isReadWrite) {
            // About the width of the text in most fonts.
            let length = 22 + key.text.utf8.count * 13 / 2 + 20
            if x > 0, x + length > width { (x, y) = (0, y + 24) }
            text +=
                #"<svg x="\#(x)" y="\#(y)" overflow="visible">\#(key.mark)<text class="key" x="22" y="20">\#(key.text)</text></svg>"#
            x += length
        }
        return (text, y + 32)
    }

    /// The legend as a list, which takes as many rows as it needs.
    static func list(isReadWrite: Bool) -> String {
        keys(isReadWrite: isReadWrite).map { key in
            #"<li><svg xmlns="http://www.w3.org/2000/svg" width="16" height="32">\#(key.mark)</svg>\#(key.text)</li>"#
        }.joined()
    }
}
