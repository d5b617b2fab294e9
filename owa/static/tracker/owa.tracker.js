/*
 * Tells the server (log.php) about page views; remembers the visitor in first-party cookies, in
 * the formats of PHP OWA's tracker, so that visitors survive a switch. The page sets, in time or
 * later: owa_baseUrl = 'https://…/owa/'; owa_cmds = [['setSiteId', '…'], ['trackPageView']];
 * Nothing in here may ever disturb the page: failures stay silent.
 */
(function () {
  'use strict';

  const SESSION = 30 * 60;
  const DAY = 24 * 60 * 60;
  const VISITOR_LIFE = 730 * DAY;
  const CAMPAIGN_LIFE = 60 * DAY;
  const MAX_URL = 2000;
  const MAX_KEEPALIVE = 60000; // browsers refuse keepalive bodies over 64 KiB
  const MAX_COOKIE = 3800; // and cookies over 4 KiB: all six campaign values have to fit
  const MAX_VALUE = 580;
  const MAX_TOUCHES = 5;

  // Campaign parameters (owa_medium=…) and their short names in owa_c and owa_attribs.
  const CAMPAIGN = {
    medium: 'md', campaign: 'cn', source: 'sr', search_terms: 'tr', ad: 'ad', ad_type: 'at',
  };
  const CAMPAIGN_NAMES = Object.keys(CAMPAIGN);

  let siteId = '';
  let visit = null; // the parameters that every event of this page carries
  let lastEvent = 0;

  // owa_cmds.push([name, …arguments]); other names are ignored.
  const commands = {
    setSiteId(id) { siteId = id; },
    trackPageView() { track('base.page_request'); },
  };

  function track(type, own) {
    const endpoint = owa_baseUrl.replace(/\/*$/, '/log.php');
    const time = Math.floor(Date.now() / 1000);
    send(endpoint, Object.assign({ timestamp: time, event_type: type }, own, currentVisit(time), {
      site_id: siteId,
      page_url: location.href,
      HTTP_REFERER: document.referrer,
      page_title: document.title,
    }));
  }

  /* One visit for all events of a page (all those of a session's first page are is_new_session),
     unless the page idled past the end of its session. */
  function currentVisit(time) {
    if (!visit || time - lastEvent >= SESSION) {
      visit = openVisit(time);
    } else {
      const session = readState('s', 'last_req');
      if (session.sid === visit.session_id) {
        session.last_req = time;
        writeState('s', session, VISITOR_LIFE);
      }
    }
    lastEvent = time;
    return visit;
  }

  /* Continues the session of the cookies or begins one, and writes the cookies. */
  function openVisit(time) {
    let visitor = readState('v', 'nps');
    let prior = readState('s', 'last_req');
    const isNewVisitor = !isId(visitor.vid);
    if (isNewVisitor) {
      visitor = { vid: newId(time) };
      prior = {};
    }
    const lastRequest = whole(prior.last_req, '');
    // Absolute: a clock that was once set ahead must not keep a session open for years.
    const isNewSession = !isId(prior.sid) || Math.abs(time - lastRequest) >= SESSION;
    const isRepeat = isNewSession && !isNewVisitor;

    const fsts = whole(visitor.fsts, time);
    const dsfs = isNewSession ? days(fsts, time) : whole(visitor.dsfs, 0);
    const nps = whole(visitor.nps, 0) + (isRepeat ? 1 : 0);
    const sid = isNewSession ? newId(time) : prior.sid;
    const dsps = isNewSession ? days(lastRequest || time, time) : whole(prior.dsps, 0);

    // A visit that begins because the page idled came from nowhere.
    const landing = visit ? {} : landingCampaign();
    const hasLanded = Object.keys(landing).length > 0;
    const source = hasLanded ? landing : isNewSession ? externalReferer() : stored(prior);
    const touches = campaignTouches(landing, hasLanded);

    writeState('v', { vid: visitor.vid, fsts, dsfs, nps }, VISITOR_LIFE);
    if (hasLanded) writeCookie('c', touchesCookie(touches), CAMPAIGN_LIFE);
    // Outlives the session: the next one wants to know when this one ended.
    writeState('s', Object.assign({ last_req: time, sid, dsps }, source), VISITOR_LIFE);

    const { referer, ...campaign } = source;
    return Object.assign({
      is_new_visitor: isNewVisitor || undefined,
      visitor_id: visitor.vid,
      fsts,
      dsfs,
      last_req: lastRequest,
      session_id: sid,
      is_new_session: isNewSession || undefined,
      prior_session_id: isRepeat ? prior.sid : undefined,
      nps,
      dsps,
      session_referer: referer,
    }, campaign, { attribs: touches.length ? JSON.stringify(touches) : undefined });
  }

  // ---- where the visitor came from ----

  function landingCampaign() {
    const query = new URLSearchParams(location.search);
    const found = {};
    for (const name of CAMPAIGN_NAMES) {
      const value = query.get('owa_' + name);
      if (value) found[name] = clip(value);
    }
    return found;
  }

  /* The referrer, unless it is this site (with or without www). */
  function externalReferer() {
    const host = (url) => new URL(url).hostname.replace(/^www\./, '');
    try {
      if (!visit && host(document.referrer) !== host(location.href)) {
        return { referer: clip(document.referrer) };
      }
    } catch (e) { /* none, or no URL */ }
    return {};
  }

  function stored(session) {
    const kept = {};
    for (const name of CAMPAIGN_NAMES.concat('referer')) {
      if (session[name]) kept[name] = session[name];
    }
    return kept;
  }

  /* The campaigns that brought this visitor, oldest first. A reload is not another touch. */
  function campaignTouches(landing, hasLanded) {
    const attribs = readState('c').attribs;
    const known = typeof attribs === 'string' ? parseJson(attribs) : attribs;
    const touches = Array.isArray(known) ? known.slice() : [];
    if (hasLanded) {
      const touch = {};
      for (const name of Object.keys(landing)) touch[CAMPAIGN[name]] = landing[name];
      const latest = touches[touches.length - 1];
      if (JSON.stringify(latest) !== JSON.stringify(touch)) touches.push(touch);
    }
    while (touches.length > MAX_TOUCHES || encode(touchesCookie(touches)).length > MAX_COOKIE) {
      touches.shift();
    }
    return touches;
  }

  function touchesCookie(touches) {
    return JSON.stringify({ cdh: domainHash(), attribs: touches });
  }

  // ---- cookies ----

  /* The state in cookie owa_<name>, or {}. OWA's cookie for the whole domain may stand beside ours
     for the host: our domain hash wins, and of equals the greater `newest`, then the later. */
  function readState(name, newest) {
    const rank = (state) => (state.cdh === domainHash() ? 1e11 : 0) + whole(state[newest], 0);
    let best = {};
    let all = '';
    try {
      all = document.cookie;
    } catch (e) { /* forbidden, as in a sandboxed frame */ }
    for (const pair of all.split('; ')) {
      if (pair.startsWith('owa_' + name + '=')) {
        const state = parseState(pair.slice(6));
        if (rank(state) >= rank(best)) best = state;
      }
    }
    return best;
  }

  /* OWA writes `a=>1|||b=>2` or JSON, in which an id as a number must not become a float. */
  function parseState(encoded) {
    const state = {};
    try {
      const text = decodeURIComponent(encoded);
      if (text[0] === '{') return JSON.parse(text.replace(/("[vs]id":)(\d+)/g, '$1"$2"'));
      for (const part of text.split('|||')) {
        const at = part.indexOf('=>');
        if (at > 0) state[part.slice(0, at)] = part.slice(at + 2);
      }
    } catch (e) { /* not OWA's */ }
    return state;
  }

  function writeState(name, values, life) {
    const state = Object.assign({ cdh: '' }, values, { cdh: domainHash() });
    const pairs = Object.keys(state).map((key) => key + '=>' + state[key]);
    // A value with a bar could look like a separator.
    const isSafe = pairs.every((pair) => !pair.includes('|'));
    writeCookie(name, isSafe ? pairs.join('|||') : JSON.stringify(state), life);
  }

  function writeCookie(name, text, life) {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    try {
      document.cookie =
        `owa_${name}=${encode(text)}; path=/; max-age=${life}; SameSite=Lax${secure}`;
    } catch (e) { /* forbidden: then each page is a new visitor */ }
  }

  /* OWA's `cdh`: CRC-32 of the cookie domain with a leading dot. */
  function domainHash() {
    let crc = -1;
    for (const character of '.' + location.hostname) {
      crc ^= character.charCodeAt(0);
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return (~crc >>> 0).toString(16).padStart(8, '0');
  }

  // ---- sending ----

  function send(endpoint, parameters) {
    const query = Object.keys(parameters)
      .filter((name) => parameters[name] !== undefined)
      .map((name) => 'owa_' + name + '=' + encode(parameters[name]))
      .join('&');
    const url = endpoint + '?' + query;
    if (url.length > MAX_URL) {
      post(endpoint, query);
    } else if (!beacon(url)) {
      new Image().src = url;
    }
  }

  function beacon(url) {
    try {
      return navigator.sendBeacon(url);
    } catch (e) {
      return false;
    }
  }

  function post(endpoint, query) {
    const body = new URLSearchParams(query);
    if (!window.fetch) {
      postForm(endpoint, body);
      return;
    }
    fetch(endpoint, {
      method: 'POST',
      body,
      keepalive: String(body).length < MAX_KEEPALIVE,
      mode: 'no-cors',
      credentials: 'omit',
    }).catch(() => {}); // not sent again: the server may have it, and would count it twice
  }

  function postForm(endpoint, body) {
    const add = (parent, tag, attributes) =>
      parent.appendChild(Object.assign(document.createElement(tag), attributes));
    const parent = document.body || document.documentElement;
    const target = 'owa_' + newId(0);
    const frame = add(parent, 'iframe', { name: target, hidden: true });
    const form = add(parent, 'form', {
      action: endpoint, method: 'post', target, acceptCharset: 'utf-8', hidden: true,
    });
    body.forEach((value, name) => add(form, 'input', { type: 'hidden', name, value }));
    form.submit();
    // By the clock: an answer without content fires no load event.
    setTimeout(() => {
      frame.remove();
      form.remove();
    }, 10000);
  }

  // ---- small helpers ----

  /* Unix time and 9 random digits. Text: a float would round it. */
  function newId(time) {
    let random = Math.random() * 1e9;
    try {
      random = crypto.getRandomValues(new Uint32Array(1))[0] % 1e9;
    } catch (e) { /* Math.random has to do */ }
    // Ten digits of time, even where the clock stands at 1970.
    return Math.max(time, 1e9) + String(Math.floor(random)).padStart(9, '0');
  }

  /* Fits 64 bits: a damaged id would have all of the visitor's events refused. */
  function isId(text) {
    return /^([1-8]\d{18}|[1-9]\d{0,17})$/.test(text);
  }

  function whole(text, otherwise) {
    return /^\d{1,10}$/.test(text) ? Number(text) : otherwise;
  }

  function days(from, to) {
    return Math.max(0, Math.floor((to - from) / DAY));
  }

  function parseJson(text) {
    try {
      return JSON.parse(text);
    } catch (e) {
      return null;
    }
  }

  /* A page may hold half a surrogate pair, at which encodeURIComponent throws. */
  function encode(value) {
    return encodeURIComponent(String(value).replace(/[\uD800-\uDFFF]/gu, '\uFFFD'));
  }

  function clip(text) {
    const characters = Array.from(text.slice(0, MAX_VALUE));
    while (encode(characters.join('')).length > MAX_VALUE) characters.pop();
    return characters.join('');
  }

  // ---- commands ----

  function run(command) {
    try {
      const [name, ...values] = command;
      if (Object.keys(commands).includes(name)) commands[name](...values);
    } catch (e) { /* never the page's problem */ }
  }

  /* Runs what was pushed so far; from then on push runs a command at once. */
  function attach() {
    let queue = typeof owa_cmds === 'undefined' ? null : owa_cmds;
    if (!Array.isArray(queue)) queue = window.owa_cmds = [];
    queue.splice(0).forEach(run);
    queue.push = (...pushed) => {
      pushed.forEach(run);
      return 0;
    };
  }

  function start() {
    // A prerendered page may never be looked at.
    if (document.prerendering) document.addEventListener('prerenderingchange', attach);
    else attach();
  }

  try {
    // Included twice: the first copy goes on, and takes over a new queue.
    if (typeof window.owa_attach !== 'function') window.owa_attach = start;
    window.owa_attach();
  } catch (e) { /* never the page's problem */ }
})();
