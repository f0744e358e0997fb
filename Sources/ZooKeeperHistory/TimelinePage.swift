// SPDX-License-Identifier: Apache-2.0

extension HistoryTimeline {
    /// The report as the text of one self-contained page of HTML: result, settings (``HistoryEvent/Kind/noted(name:value:)``),
    /// statistics, picture, violations. It is well-formed XML too.
    public var page: String {
        """
        <!DOCTYPE html>
        <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <title>\(name): \(verdict)</title>
        <style>\(TimelineStyle.colours)\(TimelineStyle.plot)\(Self.style)</style>
        </head>
        <body class="page">
        <header>
        <h1>\(name)</h1>
        <span class="badge \(report.violations.isEmpty ? "good" : "bad")">\(verdict)</span>
        <p>\(Self.escaped(history.title))</p>
        \(notes)
        </header>
        <section class="cards">\(cards)</section>
        \(violations)
        <section class="timeline">
        <div class="bar"><h2>Who held what when</h2><div class="zoom">\
        <button type="button" id="out" aria-label="Zoom out">&#8722;</button>\
        <button type="button" id="fit">fit</button>\
        <button type="button" id="in" aria-label="Zoom in">+</button></div></div>
        <div class="frame"><div class="names">\(names)</div><div class="scroll"><div id="plot" style="width:\(zoom)%">
        <svg xmlns="http://www.w3.org/2000/svg" width="100%" height="\(height + Self.axis)">
        \(TimelineStyle.patterns)
        \(plot)</svg></div></div></div>
        <ul class="legend">\(TimelineStyle.list(isReadWrite: isReadWrite))</ul>
        </section>
        <section class="tables">\(tables)</section>
        <div id="tip" hidden="hidden"></div>
        <script>\(Self.script)</script>
        </body>
        </html>

        """
    }

    /// The heading of the page: the value of the note `program`, if there is one.
    private var name: String {
        Self.escaped(history.notes.first { $0.name == "program" }?.value ?? "History")
    }

    /// The settings of the run: date, duration, versions, the command that repeats it.
    private var notes: String {
        let duration = [("duration", TimelineLayout.seconds(history.ended - history.began))]
        let notes = history.notes.map { ($0.name, $0.value) }.filter { $0.0 != "program" } + duration
        let items = notes.map { name, value in
            let text = Self.escaped(value)
            return "<dt>\(Self.escaped(name))</dt><dd>\(name == "command" ? "<code>\(text)</code>" : text)</dd>"
        }
        return #"<dl class="notes">\#(items.joined())</dl>"#
    }

    private var names: String {
        lanes.map { lane in
            let kind: String =
                switch lane.kind {
                case .holder: "all"
                case .client(let index): "c\(index % 8)"
                case .server: "server"
                }
            return
                #"<div class="\#(kind)" style="height:\#(lane.height)px"><span>\#(Self.escaped(lane.name))</span></div>"#
        }.joined()
    }

    private var cards: String {
        let caused = report.overlaps.filter { $0.key != .none }.values.reduce(0, +)
        let cards: [(String, String)] = [
            ("\(report.grants)", "times it was held"),
            ("\(history.faults.count)", "faults"),
            (
                report.worstRecovery?.duration.map(TimelineLayout.seconds) ?? "none",
                "worst time from a fault to the next grant"
                    + (report.openRecoveries > 0 ? "; \(report.openRecoveries) not over at the end" : "")
            ),
            ("\(report.refusedWrites)", "late writes refused by fencing"),
            ("\(caused)", "bodies that overlap on the clock, each with its cause"),
            (
                HistoryReport.percentile(50, of: report.waits).map(TimelineLayout.seconds) ?? "none",
                "half of the waits were shorter"
            ),
        ]
        return cards.map { "<div><b>\(Self.escaped($0.0))</b><span>\($0.1)</span></div>" }.joined()
    }

    private var violations: String {
        if report.violations.isEmpty { return "" }
        let items = report.violations.prefix(200).map { violation in
            "<li><b>\(violation.kind.rawValue)</b> at \(TimelineLayout.seconds(violation.at - began)): "
                + Self.escaped(violation.text) + "</li>"
        }
        return #"<section class="violations"><h2>Violations</h2><ol>\#(items.joined())</ol></section>"#
    }

    private var tables: String {
        var recoveries: [[String]] = []
        for fault in Set(report.recoveries.map(\.fault)).sorted(by: { $0.rawValue < $1.rawValue }) {
            let all = report.recoveries.filter { $0.fault == fault }
            if all.isEmpty { continue }
            let durations = all.compactMap(\.duration).sorted()
            recoveries.append([
                fault.rawValue, "\(all.count)",
                durations.isEmpty ? "" : TimelineLayout.seconds(durations[(durations.count - 1) / 2]),
                (durations.last.map(TimelineLayout.seconds) ?? "none")
                    + (durations.count < all.count ? "; \(all.count - durations.count) not over at the end" : ""),
            ])
        }
        let checks: [[String]] = [
            ["exclusion in ZooKeeper's order of transactions", count(.exclusion)],
            ["tokens grow from holder to holder", count(.tokenOrder)],
            ["the fenced store never goes back", count(.fencing)],
            ["bodies overlap on the clock only with a cause", count(.overlap)],
            ["bodies are cancelled by their deadline", count(.lateCancellation)],
            ["every call returns", count(.neverReturned)],
            ["no process dies by itself", count(.crash)],
            ["no node is left in the queue", count(.orphan)],
        ]
        let outcomes = report.outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
            [$0.key, "\($0.value)"]
        }
        let overlaps = HistoryReport.Cause.allCases.map { [$0.rawValue, "\(report.overlaps[$0] ?? 0)"] }
        let offences = HistoryReport.Violation.Kind.allCases.compactMap { kind in
            let count = report.externalViolations.count { $0.kind == kind }
            return count == 0 ? nil : [kind.rawValue, "\(count)"]
        }
        return table(["checked", "violations"], checks)
            + table(["fault", "times", "half recovered in", "worst"], recoveries)
            + table(["how calls ended", "times"], outcomes)
            + table(["cause of an overlap on the clock", "times"], overlaps)
            + (history.externalClients.isEmpty
                ? ""
                : table(["violations by the other library", "times"], offences))
    }

    private func count(_ kind: HistoryReport.Violation.Kind) -> String {
        "\(report.violations.count { $0.kind == kind })"
    }

    private func table(_ head: [String], _ rows: [[String]]) -> String {
        func row(_ cells: [String], _ name: String) -> String {
            "<tr>" + cells.map { "<\(name)>\(Self.escaped($0))</\(name)>" }.joined() + "</tr>"
        }
        return "<table><thead>\(row(head, "th"))</thead><tbody>\(rows.map { row($0, "td") }.joined())</tbody></table>"
    }

    private static let style = """

        html{background:#fff}@media (prefers-color-scheme:dark){html{background:#12161c}}
        body{margin:0 auto;max-width:1500px;padding:22px 26px 60px;background:var(--paper);color:var(--ink);\
        font:14px/1.45 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
        header{display:flex;flex-wrap:wrap;align-items:center;gap:4px 14px}
        h1{font-size:24px;letter-spacing:-.02em;margin:0}h2{font-size:15px;margin:0}header p{width:100%;margin:0;color:var(--soft)}
        .badge{font-weight:650;padding:3px 12px;border-radius:999px;color:var(--paper)}
        .good{background:var(--green)}.bad{background:var(--red)}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(160px,1fr));gap:10px;margin:18px 0}
        .cards div{background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:12px 14px}
        .cards b{display:block;font-size:22px;font-weight:650;letter-spacing:-.01em}.cards span{color:var(--soft);font-size:12.5px}
        .violations{border:1px solid var(--red);border-radius:10px;padding:12px 16px;margin:18px 0}
        .violations b{color:var(--red)}.violations ol{margin:6px 0 0;padding-left:30px;max-height:170px;overflow:auto}
        .timeline{border:1px solid var(--grid);border-radius:10px;padding:12px 14px 4px}
        .bar{display:flex;justify-content:space-between;align-items:center;margin-bottom:10px}
        .zoom button{font:inherit;min-width:34px;padding:2px 9px;margin-left:4px;border:1px solid var(--grid);border-radius:7px;\
        background:var(--card);color:var(--ink);cursor:pointer}
        .frame{display:flex}.names{flex:none;width:64px}.names div{display:flex;align-items:center;font-weight:600;font-size:12.5px}
        .names .server{color:var(--soft)}.names span{border-left:4px solid var(--c,transparent);padding-left:7px}
        .scroll{flex:1;overflow-x:auto;overflow-y:hidden}#plot svg{display:block}
        .legend{display:flex;flex-wrap:wrap;gap:0 20px;margin:0;padding:0;list-style:none;font-size:13px}
        .legend li{display:flex;align-items:center;gap:6px;white-space:nowrap}
        .notes{width:100%;display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:6px 0 0;font-size:13px}
        .notes dt{color:var(--soft)}.notes dd{margin:0;overflow-wrap:anywhere}.notes code{user-select:all}
        @media (max-width:800px){body{padding:16px 14px 40px}.timeline{padding:10px 10px 4px}}
        .hold:hover,.wait:hover,.gap:hover,.fault:hover,.down:hover{stroke:var(--ink);stroke-width:1.5;opacity:1}
        .tables{display:flex;flex-wrap:wrap;gap:22px 40px;margin-top:24px}
        table{border-collapse:collapse;font-size:13px;align-self:flex-start}th{text-align:left;font-weight:600;color:var(--soft)}
        th,td{padding:4px 18px 4px 0;border-bottom:1px solid var(--grid);font-variant-numeric:tabular-nums}
        td:not(:first-child),th:not(:first-child){text-align:right}
        #tip{position:fixed;pointer-events:none;white-space:pre;background:var(--ink);color:var(--paper);font-size:12px;\
        line-height:1.4;padding:7px 10px;border-radius:7px;box-shadow:0 4px 16px rgba(0,0,0,.25);z-index:9}
        #tip[hidden]{display:none}
        """

    /// The script of the page. Without it, the browser shows the texts itself, and there is no zoom.
    private static let script = """

        (function () {
          var tip = document.getElementById('tip'), plot = document.getElementById('plot'), box = plot.parentNode;
          plot.querySelectorAll('title').forEach(function (title) {
            title.parentNode.dataset.tip = title.textContent; title.remove();
          });
          var reasons = Array.prototype.map.call(plot.querySelectorAll('.reason'), function (text) {
            return { text: text, labels: text.dataset.labels.split('|') };
          });
          function label() {
            reasons.forEach(function (reason) {
              var room = reason.text.parentNode.getBoundingClientRect().width - 8;
              reason.text.textContent = '';
              reason.labels.some(function (label) {
                reason.text.textContent = label;
                if (room >= reason.text.getComputedTextLength()) { return true; }
                reason.text.textContent = '';
                return false;
              });
            });
          }
          label();
          addEventListener('resize', label);
          plot.addEventListener('pointermove', function (event) {
            var text = event.target.dataset.tip;
            tip.hidden = !text;
            if (!text) { return; }
            tip.textContent = text;
            tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
            tip.style.top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8) + 'px';
          });
          plot.addEventListener('pointerleave', function () { tip.hidden = true; });
          function zoom(width) {
            var middle = (box.scrollLeft + box.clientWidth / 2) / plot.clientWidth;
            plot.style.width = Math.max(100, Math.min(20000, width)) + '%';
            label();
            box.scrollLeft = middle * plot.clientWidth - box.clientWidth / 2;
          }
          function on(id, action) { document.getElementById(id).addEventListener('click', action); }
          on('in', function () { zoom(parseFloat(plot.style.width) * 1.6); });
          on('out', function () { zoom(parseFloat(plot.style.width) / 1.6); });
          on('fit', function () { zoom(100); });
        })();

        """
}
