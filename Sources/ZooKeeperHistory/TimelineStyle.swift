// SPDX-License-Identifier: Apache-2.0

/// The style of a timeline: colours for light and dark screens, shapes, patterns, the legend.
enum TimelineStyle {
    /// The palette, as variables of the elements of class `page`.
    static let colours = """

        .page{--paper:#ffffff;--lane0:#f6f7f9;--lane1:#fbfbfd;--ink:#1c2430;--soft:#66707f;--grid:#e3e6eb;--red:#d92632;\
        --green:#1a7f4b;--ice:#5aa2e0;--amber:#d98a00;--violet:#8b5cd6;--dark:#3c4552;--card:#f6f7f9;
        --c0:#3b76b8;--c1:#e0822f;--c2:#4f9d4a;--c3:#9564ad;--c4:#2b9a97;--c5:#b98a12;--c6:#c65b8c;--c7:#7a6a5c}
        @media (prefers-color-scheme:dark){.page{--paper:#12161c;--lane0:#191e26;--lane1:#151a21;--ink:#e4e8ee;--soft:#8e99a9;\
        --grid:#2a313c;--red:#ff5d66;--green:#4cc38a;--ice:#6db3f2;--amber:#f0a92e;--violet:#b08cf0;--dark:#7d8796;--card:#191e26;
        --c0:#6aa5e8;--c1:#f3a057;--c2:#77c471;--c3:#c194d8;--c4:#54c6c2;--c5:#dfb547;--c6:#ee8db8;--c7:#b3a294}}

        """

    static let plot = """
        text{font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
        .paper{fill:var(--paper)}.lane0{fill:var(--lane0)}.lane1{fill:var(--lane1)}
        .rule{stroke:var(--soft);stroke-width:1}.grid{stroke:var(--grid);stroke-width:1}
        .tick{font-size:11px;fill:var(--soft)}.name{font-weight:600}.key{font-size:11px;fill:var(--soft)}
        .heading{font-size:15px;font-weight:600}
        .fine{font-size:15px;font-weight:600;fill:var(--green)}.wrong{font-size:15px;font-weight:700;fill:var(--red)}
        .c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
        .c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
        .hold{fill:var(--c);stroke:var(--c);stroke-width:1.2}
        .hold.shared{fill-opacity:.28}
        .wait{fill:var(--c);opacity:.34}
        .fault{stroke-width:1}
        .freeze-client,.freeze-server{fill:url(#frozen);stroke:var(--ice)}
        .partition-client,.partition-server{fill:url(#severed);stroke:var(--amber)}
        .expire{fill:var(--violet);fill-opacity:.2;stroke:var(--violet)}
        .stop-client,.close-client{fill:var(--green);fill-opacity:.14;stroke:var(--green)}
        .delay,.throttle-server{fill:url(#slow);stroke:var(--soft)}
        .down{fill:var(--dark);fill-opacity:.62}
        .leads{fill:var(--green)}
        .killed{stroke:var(--red);stroke-width:2.6;stroke-linecap:round;fill:none}
        .refused{fill:var(--amber);stroke:var(--paper);stroke-width:.8}
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

    /// Draws the legend of the marks, from left to right, 32 pixels high.
    static func legend(isReadWrite: Bool) -> String {
        var keys: [(mark: String, text: String, width: Int)] = [
            (
                #"<rect class="hold c0" y="10" width="7" height="12" rx="1"/><rect class="hold c1" x="9" y="10" width="7" height="12" rx="1"/>"#,
                "holds, by process", 100
            )
        ]
        if isReadWrite {
            keys.append((#"<rect class="hold c0 shared" y="10" width="16" height="12" rx="1"/>"#, "reads", 44))
        }
        keys += [
            (#"<rect class="wait c0" y="15" width="16" height="3"/>"#, "waits", 42),
            (#"<rect class="fault freeze-client" y="9" width="16" height="14" rx="3"/>"#, "frozen", 48),
            (#"<rect class="fault partition-client" y="9" width="16" height="14" rx="3"/>"#, "cut off", 48),
            (#"<path class="killed" d="M3,11L13,21M3,21L13,11"/>"#, "killed -9", 58),
            (#"<rect class="down" y="9" width="16" height="14" rx="3"/>"#, "down", 38),
            (#"<rect class="fault expire" y="9" width="16" height="14" rx="3"/>"#, "expired", 46),
            (#"<rect class="fault stop-client" y="9" width="16" height="14" rx="3"/>"#, "ended", 40),
            (#"<rect class="fault delay" y="9" width="16" height="14" rx="3"/>"#, "slow", 36),
            (#"<rect class="leads" y="14" width="16" height="4" rx="2"/>"#, "leads the servers", 100),
            (#"<path class="refused" d="M3,12L13,12L8,20Z"/>"#, "late write refused", 106),
            (#"<path class="violation" d="M8,9L8,23M3,9L13,9L8,16Z"/>"#, "violation", 60),
        ]
        var x = 0
        var text = ""
        for key in keys {
            text +=
                #"<svg x="\#(x)" overflow="visible">\#(key.mark)<text class="key" x="22" y="20">\#(key.text)</text></svg>"#
            x += key.width + 30
        }
        return text
    }
}
