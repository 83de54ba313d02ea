// Draws the charts that pages describe, and makes them a way to a span of time.
'use strict';

(() => {
  // Known only while this script runs: what lets the drawing library in later.
  const { nonce } = document.currentScript;
  const { byId, onContent, onKey, isLocal } = window.durward;
  const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
  const DAY = 86_400_000;
  /** Pixels that a press may move and still be a click. */
  const CLICK_PIXELS = 4;
  /** How long a click waits for the second one of a double click. */
  const DOUBLE_CLICK_MILLIS = 230;
  const TOKENS = {
    success: '--success-bar', failure: '--failure-bar', interrupted: '--interrupted-bar',
  };
  /** Charts that are drawn, by their figure. */
  const drawn = new Map();

  // ---- The library, when first needed ---------------------------------------------------------

  let library;
  function load() {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.nonce = nonce;
      script.src = '/assets/echarts.js';
      script.onload = () => resolve(window.echarts);
      script.onerror = () => { library = undefined; reject(new Error('charts did not load')); };
      document.head.append(script);
    });
    return library;
  }

  // ---- Colours and times ----------------------------------------------------------------------

  const probe = document.createElement('span');
  probe.hidden = true;
  document.documentElement.append(probe);
  /** The colour of a token, as it is in the scheme of the page. */
  function colour(token) {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  }

  const two = (number) => String(number).padStart(2, '0');
  function parts(millis) {
    const at = new Date(millis);
    const get = (what) => (isLocal() ? at[`get${what}`]() : at[`getUTC${what}`]());
    const day = `${get('Date')} ${MONTHS[get('Month')]}`;
    return { day, hour: `${two(get('Hours'))}:${two(get('Minutes'))}` };
  }
  const axisText = (millis, bin) => {
    const { day, hour } = parts(millis);
    return bin >= DAY || hour === '00:00' ? day : hour;
  };
  function spanText(from, bin) {
    const [begin, end] = [parts(from), parts(from + bin)];
    if (bin > DAY) return `${begin.day} – ${parts(from + bin - 1).day}`;
    return bin === DAY ? begin.day : `${begin.day} ${begin.hour} – ${end.hour}`;
  }
  const number = (value) => value.toLocaleString('en');

  // ---- One chart ------------------------------------------------------------------------------

  /** Stripes for what may still grow. */
  function hatched(paint) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const pen = tile.getContext('2d');
    pen.strokeStyle = paint;
    pen.lineWidth = 1.6;
    pen.beginPath();
    for (const shift of [-6, 0, 6]) { pen.moveTo(shift, 6); pen.lineTo(shift + 6, 0); }
    pen.stroke();
    return { image: tile, repeat: 'repeat' };
  }

  function seriesOf(data) {
    const complete = Date.parse(byId('completeness')?.dataset.complete ?? '');
    const isOpen = (bin) => data.first + (bin + 1) * data.bin > complete;
    return data.series.map((series) => {
      const paint = colour(TOKENS[series.class] ?? `--${series.class}`);
      const still = { emphasis: { disabled: true }, animation: false };
      const common = { name: series.name, color: paint, ...still };
      if (data.shape === 'bars') {
        const stripes = hatched(paint);
        const value = (count, bin) =>
          (isOpen(bin) && count ? { value: count, itemStyle: { color: stripes } } : count);
        return {
          ...common, type: 'bar', stack: 'all', barCategoryGap: '18%', barMaxWidth: 40,
          data: series.values.map(value),
        };
      }
      return {
        ...common, type: 'line', data: series.values, symbol: 'circle', symbolSize: 5,
        showSymbol: series.values.length === 1, lineStyle: { width: 1.5 }, stack: 'all',
        areaStyle: { opacity: 0.55 },
      };
    });
  }

  /** What a bin has: its span of time, all of it, and each series with its share. */
  function countsOf(data, bin) {
    const values = data.series.map((series) => series.values[bin] ?? 0);
    const total = values.reduce((sum, value) => sum + value, 0);
    const hasShares = data.series.length > 1 && total > 0;
    const each = data.series.map((series, index) => {
      const share = hasShares ? ` (${Math.round((100 * values[index]) / total)} %)` : '';
      return { series, text: `${series.name} ${number(values[index])}${share}` };
    });
    return { span: spanText(data.first + bin * data.bin, data.bin), each, total };
  }

  function option(data) {
    const [muted, line] = ['--muted', '--line'].map(colour);
    const bins = data.series[0]?.values.length ?? 0;
    const times = Array.from({ length: bins }, (_, bin) => data.first + bin * data.bin);
    const axis = { axisTick: { show: false }, axisLine: { lineStyle: { color: line } } };
    const label = { color: muted, fontSize: 11, hideOverlap: true };
    return {
      animation: false,
      aria: { enabled: false },
      grid: { left: 2, right: 2, top: 8, bottom: 18, containLabel: data.shape !== 'bars' },
      xAxis: {
        ...axis, type: 'category', data: times, boundaryGap: data.shape === 'bars',
        axisLabel: { ...label, formatter: (at) => axisText(Number(at), data.bin) },
      },
      yAxis: {
        type: 'value', minInterval: 1, splitNumber: 3, splitLine: { lineStyle: { color: line } },
        axisLabel: { ...label, show: data.shape !== 'bars' },
        show: data.shape !== 'bars',
      },
      // What is said of a bin stands in an element of ours; this only marks the bin.
      tooltip: {
        trigger: 'axis', showContent: false,
        axisPointer: { type: data.shape === 'bars' ? 'shadow' : 'line', label: { show: false } },
      },
      series: seriesOf(data),
    };
  }

  class Chart {
    constructor(figure, echarts) {
      this.figure = figure;
      this.data = JSON.parse(figure.dataset.chart);
      this.canvas = figure.querySelector('.canvas');
      this.bins = this.data.series[0]?.values.length ?? 0;
      this.chosen = null;
      this.plot = echarts.init(this.canvas, null, { renderer: 'canvas' });
      this.draw();
      this.watch = new ResizeObserver(() => this.plot.resize());
      this.watch.observe(this.canvas);
      this.describe();
      this.listen();
    }

    draw() {
      this.plot.setOption(option(this.data), { notMerge: true });
    }

    dispose() {
      this.watch.disconnect();
      this.plot.dispose();
    }

    /** What somebody hears who does not see it, and where they read what the keys do. */
    describe() {
      const { canvas, data, figure } = this;
      let [most, at, all] = [0, 0, 0];
      for (let bin = 0; bin < this.bins; bin += 1) {
        const { total } = countsOf(data, bin);
        all += total;
        if (total > most) [most, at] = [total, bin];
      }
      const peak = most ? ` Most, ${number(most)}, at ${countsOf(data, at).span}.` : '';
      const title = canvas.getAttribute('aria-label');
      canvas.setAttribute('aria-label', `${title}. ${number(all)} in all.${peak} ` +
        'Arrow keys move, with Shift they select, Enter zooms, T shows the table.');
      canvas.setAttribute('role', 'application');
      canvas.setAttribute('aria-roledescription', 'chart');
      canvas.tabIndex = 0;
      this.said = document.createElement('p');
      this.said.className = 'said visually-hidden';
      this.said.setAttribute('aria-live', 'polite');
      figure.append(this.said);
      this.band = document.createElement('div');
      this.band.className = 'band';
      this.band.hidden = true;
      this.tip = document.createElement('div');
      this.tip.className = 'tip';
      this.tip.setAttribute('aria-hidden', 'true');
      this.tip.hidden = true;
      canvas.append(this.band, this.tip);
    }

    /** Says beside a bin what it has; without one, nothing. */
    point(bin) {
      const { tip, canvas, data } = this;
      tip.hidden = bin === null || this.bins === 0;
      if (tip.hidden) {
        this.plot.dispatchAction({ type: 'hideTip' });
        return;
      }
      const { span, each, total } = countsOf(data, bin);
      const head = document.createElement('b');
      head.textContent = `${span} · ${number(total)}`;
      const rows = each.map(({ series, text }) => {
        const row = document.createElement('span');
        const mark = document.createElement('i');
        mark.className = series.class;
        row.append(mark, text);
        return row;
      });
      tip.replaceChildren(head, ...rows);
      const x = this.plot.convertToPixel({ xAxisIndex: 0 }, bin);
      const fits = x + 12 + tip.offsetWidth < canvas.clientWidth;
      tip.style.left = `${fits ? x + 12 : Math.max(0, x - 12 - tip.offsetWidth)}px`;
    }

    /** The bin under a place of the page; the nearest one beside the chart. */
    binAt(clientX) {
      const x = clientX - this.canvas.getBoundingClientRect().left;
      const bin = Math.round(this.plot.convertFromPixel({ xAxisIndex: 0 }, x));
      return Math.min(Math.max(bin, 0), this.bins - 1);
    }

    /** Shows which bins are chosen; without any, none. */
    choose(chosen) {
      this.chosen = chosen;
      this.band.hidden = chosen === null;
      if (chosen === null) return;
      const [from, to] = [Math.min(...chosen), Math.max(...chosen)];
      const place = (bin) => this.plot.convertToPixel({ xAxisIndex: 0 }, bin);
      const step = this.bins > 1 ? place(1) - place(0) : this.canvas.clientWidth;
      this.band.style.left = `${place(from) - step / 2}px`;
      this.band.style.width = `${(to - from + 1) * step}px`;
    }

    say(bin) {
      const { span, each, total } = countsOf(this.data, bin);
      const texts = each.map(({ text }) => text);
      this.said.textContent = `${span}: ${number(total)}. ${texts.join(', ')}`;
    }

    go(from, to) {
      const { first, bin, href } = this.data;
      const iso = (index) => {
        const text = new Date(first + index * bin).toISOString().replace('.000Z', 'Z');
        return encodeURIComponent(text);
      };
      visit(href.replace('FROM..TO', `${iso(from)}..${iso(to + 1)}`), this.figure);
    }

    /** Back to the range that the page has by itself. */
    reset() {
      const url = new URL(this.data.href, location.href);
      url.searchParams.delete('t');
      visit(url.pathname + url.search, this.figure);
    }

    listen() {
      const { canvas } = this;
      let pressed = null;
      let waiting = 0;
      canvas.addEventListener('pointerdown', (event) => {
        if (event.button !== 0 || event.altKey || this.bins === 0) return;
        pressed = { x: event.clientX, bin: this.binAt(event.clientX), moved: false };
      });
      canvas.addEventListener('pointerleave', () => this.point(null));
      canvas.addEventListener('pointermove', (event) => {
        this.point(this.binAt(event.clientX));
        if (!pressed) return;
        if (!pressed.moved && Math.abs(event.clientX - pressed.x) < CLICK_PIXELS) return;
        if (!pressed.moved) canvas.setPointerCapture(event.pointerId);
        pressed.moved = true;
        this.choose([pressed.bin, this.binAt(event.clientX)]);
      });
      canvas.addEventListener('pointerup', (event) => {
        if (!pressed) return;
        const { moved, bin } = pressed;
        const last = this.binAt(event.clientX);
        pressed = null;
        if (moved) this.go(Math.min(bin, last), Math.max(bin, last));
        else {
          clearTimeout(waiting);
          waiting = setTimeout(() => this.go(bin, bin), DOUBLE_CLICK_MILLIS);
        }
      });
      canvas.addEventListener('pointercancel', () => { pressed = null; this.choose(null); });
      canvas.addEventListener('dblclick', () => { clearTimeout(waiting); this.reset(); });
      canvas.addEventListener('keydown', (event) => this.key(event));
      canvas.addEventListener('blur', () => this.point(null));
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || this.bins === 0) return;
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -this.bins, End: this.bins }[event.key];
      if (step !== undefined) {
        const [begin, end] = this.chosen ?? [this.bins, this.bins];
        const next = Math.min(Math.max(end + step, 0), this.bins - 1);
        this.choose([event.shiftKey ? Math.min(begin, this.bins - 1) : next, next]);
        this.plot.dispatchAction({ type: 'showTip', seriesIndex: 0, dataIndex: next });
        this.point(next);
        this.say(next);
      } else if (event.key === 'Enter' && this.chosen) {
        this.go(Math.min(...this.chosen), Math.max(...this.chosen));
      } else if (event.key === 'Escape' && this.chosen) {
        this.choose(null);
        this.point(null);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /** An address of the explorer changes the explorer in place; any other is another page. */
  function visit(href, figure) {
    if (figure.closest('#view') && window.durward.visit) window.durward.visit(href);
    else location.assign(href);
  }

  // ---- All charts -----------------------------------------------------------------------------

  function toggle(figure) {
    const tabled = figure.classList.toggle('tabled');
    const twin = figure.querySelector('.twin');
    if (twin) twin.open = tabled;
    figure.querySelector(tabled ? '.twin summary' : '.canvas')?.focus();
  }

  onContent(async (root) => {
    const figures = [...root.querySelectorAll('figure.chart[data-chart]')];
    if (root.matches?.('figure.chart[data-chart]')) figures.push(root);
    for (const [figure, chart] of drawn) {
      if (figure.isConnected) continue;
      chart.dispose();
      drawn.delete(figure);
    }
    if (figures.length === 0) return;
    let echarts;
    try {
      echarts = await load();
    } catch {
      for (const figure of figures) if (!figure.classList.contains('tabled')) toggle(figure);
      return;
    }
    for (const figure of figures) {
      if (figure.isConnected && !drawn.has(figure)) drawn.set(figure, new Chart(figure, echarts));
    }
  });

  const redraw = () => { for (const chart of drawn.values()) chart.draw(); };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  document.addEventListener('durward:theme', redraw);
  // When it is known how far the log is complete.
  document.addEventListener('durward:complete', redraw);

  onKey('t', 'Chart or table', () => {
    const focused = document.activeElement?.closest('figure.chart');
    const figure = focused ?? document.querySelector('figure.chart[data-chart]');
    if (figure) toggle(figure);
  }, { when: () => document.querySelector('figure.chart[data-chart]') !== null });
})();
