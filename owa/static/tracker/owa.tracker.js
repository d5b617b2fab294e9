// See docs/tracker.md. Nothing in here may ever disturb the page: failures stay silent.
(function () {
  'use strict';

  const PAGE_VIEW = 'base.page_request';
  const SESSION = 30 * 60;
  const DAY = 24 * 60 * 60;
  const VISITOR_LIFE = 730 * DAY;
  const CAMPAIGN_LIFE = 60 * DAY;
  const MAX_URL = 2000;
  const MAX_KEEPALIVE = 60000;
  const MAX_COOKIE = 3800;
  const MAX_VALUE = 580;
  const MAX_TOUCHES = 5;

  const CAMPAIGN = {
    medium: 'md', campaign: 'cn', source: 'sr', search_terms: 'tr', ad: 'ad', ad_type: 'at',
  };
  const CAMPAIGN_NAMES = Object.keys(CAMPAIGN);
  const SOURCE_NAMES = CAMPAIGN_NAMES.concat('referer');

  const SLOTS = ['cv1', 'cv2', 'cv3', 'cv4', 'cv5'];
  const MAX_VARIABLE = 65;

  const NOT_SET = '(not set)';
  const CLICKABLE = 'a,area,button,input,select,textarea,label,summary,[role=button],[role=link],' +
    '[role=tab],[role=menuitem]';
  // What visitors write is theirs.
  const PERSONAL = 'select,textarea,[contenteditable]';
  const CAPTIONED = 'button,[type=button],[type=submit],[type=reset]';
  const VALUED = CAPTIONED + ',[type=image],[type=checkbox],[type=radio]';

  let base = '';
  let cookieDomain = '';
  let siteId = '';
  let visit = null;
  let lastView = 0;
  let isPrivate = false;
  let tracksClicks = false;
  let tracksHistory = false;
  let viewed = ''; // the address
  let referer = null; // null: the browser knows
  let order = null;
  let items = 0;
  const said = {};
  const variables = {};
  const sessionVariables = {};

  const commands = {
    respectDoNotTrack() {
      isPrivate = navigator.doNotTrack === '1' || !!navigator.globalPrivacyControl;
    },
    setEndpoint(url) { base = url; },
    setCookieDomain(name) { cookieDomain = name; },
    setSiteId(id) { siteId = id; },
    setPageTitle(title) { said.page_title = title; },
    setPageType(type) { said.page_type = type; },
    setUserName(name) { said.user_name = name; },
    setUserEmail(email) { said.user_email = email; },
    setCustomVar,
    deleteCustomVar(slot) {
      const name = 'cv' + slot;
      if (!SLOTS.includes(name)) return;
      delete variables[name];
      delete sessionVariables[name];
      keepVariable('b', name);
      keepVariable('v', name);
    },
    trackPageView,
    trackHistory,
    trackAction(group, name, label, value) {
      track('track.action', {
        action_group: group, action_name: name, action_label: label, numeric_value: value,
      });
    },
    trackClicks() {
      if (!tracksClicks) document.addEventListener('click', safely(trackClick), true);
      tracksClicks = true;
    },
    addTransaction(id, source, total, tax, shipping, gateway, city, state, country) {
      order = {
        ct_order_id: id, ct_order_source: source, ct_total: total, ct_tax: tax,
        ct_shipping: shipping, ct_gateway: gateway, city, state, country,
      };
      items = 0;
    },
    addTransactionLineItem(order_id, sku, product_name, category, unit_price, quantity) {
      if (!order) return;
      const item = { order_id, sku, product_name, category, unit_price, quantity };
      for (const name of Object.keys(item)) {
        order[`ct_line_items[${items}][li_${name}]`] = item[name];
      }
      items++;
    },
    trackTransaction() {
      if (order) track('ecommerce.transaction', order);
      order = null;
    },
  };

  function track(type, own, url) {
    if (isPrivate) return;
    const endpoint = (base || owa_baseUrl).replace(/\/*(log\.php)?$/, '/log.php');
    const time = Math.floor(Date.now() / 1000);
    if (!visit || type === PAGE_VIEW) visit = visitAt(time);
    send(endpoint, {
      timestamp: time,
      event_type: type,
      ...own,
      ...kept('v'),
      ...kept('b'),
      ...variables,
      ...visit,
      site_id: siteId,
      page_url: absolute(url) || location.href,
      HTTP_REFERER: referer === null ? document.referrer : referer,
      page_title: document.title,
      ...said,
    });
  }

  function trackPageView(url) {
    const now = address();
    if (tracksHistory && now !== viewed) {
      // A later page, even if this one began the session.
      referer = viewed;
      visit = visit && {
        ...visit,
        is_new_visitor: undefined,
        is_new_session: undefined,
        prior_session_id: undefined,
        last_req: lastView,
      };
    }
    viewed = now;
    track(PAGE_VIEW, {}, url);
  }

  // As in OWA, only page views prolong a session.
  function visitAt(time) {
    const session = readState('s', 'last_req');
    if (!visit || time - lastView >= SESSION) {
      visit = openVisit(time);
    } else if (session.sid === visit.session_id) {
      writeState('s', { ...session, last_req: time }, VISITOR_LIFE);
    }
    lastView = time;
    return visit;
  }

  function trackHistory() {
    if (tracksHistory) return;
    tracksHistory = true;
    viewed = address();
    const look = safely(() => {
      if (address() !== viewed) trackPageView();
    });
    const lookSoon = safely(() => { setTimeout(look); });
    addEventListener('popstate', lookSoon);
    for (const name of ['pushState', 'replaceState']) safely(wrap)(name, lookSoon);
    // Sees all, even without the wrappers.
    if (window.navigation) navigation.addEventListener('currententrychange', lookSoon);
  }

  function wrap(name, after) {
    const inner = history[name];
    define(history, name, function (...values) {
      const result = inner.apply(this, values);
      after();
      return result;
    });
  }

  // An assignment would fail where the prototype is frozen.
  function define(object, name, value) {
    Object.defineProperty(object, name, { configurable: true, writable: true, value });
  }

  function address() {
    return location.href.split('#')[0];
  }

  function trackClick(event) {
    const path = event.composedPath().filter((node) => node.nodeType === 1);
    const element = path.find((node) => node.matches(CLICKABLE)) || path[0];
    const tag = element.localName;
    // A label's control is clicked next.
    if (!event.isTrusted || (tag === 'label' && element.control)) return;
    const link = path.find((node) => node.matches('a[href],area[href]'));
    const target = link && absolute(link.getAttribute('href'));
    const get = (name) => clean(element.getAttribute(name));
    const box = element.getBoundingClientRect();
    track('dom.click', {
      dom_element_name: get('name'),
      dom_element_value: element.matches(VALUED) ? get('value') : NOT_SET,
      dom_element_id: get('id'),
      dom_element_class: get('class'),
      page_width: innerWidth,
      page_height: innerHeight,
      dom_element_tag: tag,
      dom_element_text: clean(textOf(element)),
      target_url: /^(javascript|data|blob):/.test(target) ? undefined : target,
      dom_element_x: Math.round(box.left + scrollX),
      dom_element_y: Math.round(box.top + scrollY),
      click_x: Math.round(event.pageX),
      click_y: Math.round(event.pageY),
    });
  }

  function textOf(element) {
    if (element.localName === 'input') {
      return element.matches(CAPTIONED) ? element.getAttribute('value') : '';
    }
    const isPersonal = element.isContentEditable || element.matches(PERSONAL);
    if (isPersonal || element.querySelector(PERSONAL)) return '';
    if (element.childElementCount && !element.matches(CLICKABLE)) return '';
    const image = element.matches('[alt]') ? element : element.querySelector('[alt]');
    return (element.innerText || '').trim() || (image && image.getAttribute('alt'));
  }

  function clean(text) {
    return (text || '').replace(/\s+/g, ' ').trim().slice(0, 255) || NOT_SET;
  }

  function setCustomVar(slot, name, value, scope) {
    const key = 'cv' + slot;
    const text = scalar(name) + '=' + value;
    if (!SLOTS.includes(key) || !scalar(value) || text.length > MAX_VARIABLE) return;
    variables[key] = text;
    delete sessionVariables[key];
    if (scope === 'session') sessionVariables[key] = text;
    if (scope === 'session' || scope === 'visitor') keepVariable('b', key, sessionVariables[key]);
    if (scope === 'visitor') keepVariable('v', key, text);
  }

  function kept(name) {
    return pick(readState(name, 'nps'), SLOTS);
  }

  function keepVariable(name, slot, text) {
    const state = readState(name, 'nps');
    if (state[slot] === text) return;
    if (text) state[slot] = text;
    else delete state[slot];
    if (name === 'v') writeState('v', state, VISITOR_LIFE);
    else writeSessionVariables(state);
  }

  function writeSessionVariables(state) {
    const values = pick(state, SLOTS);
    const isEmpty = !Object.keys(values).length;
    writeCookie('b', JSON.stringify({ cdh: domainHash(), ...values }), isEmpty ? 0 : '');
  }

  function openVisit(time) {
    let visitor = readState('v', 'nps');
    let prior = readState('s', 'last_req');
    const ofVisitor = pick(visitor, SLOTS);
    const isNewVisitor = !isId(visitor.vid);
    if (isNewVisitor) {
      visitor = { vid: newId(time) };
      prior = {};
    }
    const lastRequest = whole(prior.last_req, '');
    // Absolute: a clock was once set ahead.
    const isNewSession = !isId(prior.sid) || Math.abs(time - lastRequest) >= SESSION;
    const isRepeat = isNewSession && !isNewVisitor;

    const fsts = whole(visitor.fsts, time);
    const dsfs = isNewSession ? days(fsts, time) : whole(visitor.dsfs, 0);
    const nps = whole(visitor.nps, 0) + (isRepeat ? 1 : 0);
    const sid = isNewSession ? newId(time) : prior.sid;
    const dsps = isNewSession ? days(lastRequest || time, time) : whole(prior.dsps, 0);

    const landing = visit ? {} : landingCampaign();
    const hasLanded = Object.keys(landing).length > 0;
    const before = isNewSession ? externalReferer() : pick(prior, SOURCE_NAMES);
    const source = hasLanded ? landing : before;
    const touches = campaignTouches(landing, hasLanded);

    writeState('v', { vid: visitor.vid, fsts, dsfs, nps, ...ofVisitor }, VISITOR_LIFE);
    if (isNewSession && Object.keys(kept('b')).length) writeSessionVariables(sessionVariables);
    if (hasLanded) writeCookie('c', touchesCookie(touches), CAMPAIGN_LIFE);
    writeState('s', { last_req: time, sid, dsps, ...source }, VISITOR_LIFE);

    const { referer: origin, ...campaign } = source;
    return {
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
      session_referer: origin,
      ...campaign,
      attribs: touches.length ? JSON.stringify(touches) : undefined,
    };
  }

  function landingCampaign() {
    const query = new URLSearchParams(location.search);
    const found = {};
    for (const name of CAMPAIGN_NAMES) {
      const value = query.get('owa_' + name);
      if (value) found[name] = clip(value);
    }
    return found;
  }

  function externalReferer() {
    const host = (url) => new URL(url).hostname.replace(/^www\./, '');
    try {
      if (!visit && host(document.referrer) !== host(location.href)) {
        return { referer: clip(document.referrer) };
      }
    } catch (e) { /* none */ }
    return {};
  }

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

  // OWA's cookie for the domain may stand beside ours for the host: then our hash wins.
  function readState(name, newest) {
    const rank = (state) => (state.cdh === domainHash() ? 1e11 : 0) + whole(state[newest], 0);
    let best = {};
    let all = '';
    try {
      all = document.cookie;
    } catch (e) { /* none */ }
    for (const pair of all.split('; ')) {
      if (pair.startsWith('owa_' + name + '=')) {
        const state = parseState(pair.slice(6));
        if (rank(state) >= rank(best)) best = state;
      }
    }
    return best;
  }

  // `a=>1|||b=>2` or JSON, whose ids must not become floats.
  function parseState(encoded) {
    const state = {};
    try {
      const text = decodeURIComponent(encoded);
      if (text[0] === '{') return JSON.parse(text.replace(/("[vs]id":)(\d+)/g, '$1"$2"'));
      for (const part of text.split('|||')) {
        const at = part.indexOf('=>');
        if (at > 0) state[part.slice(0, at)] = part.slice(at + 2);
      }
    } catch (e) { /* none */ }
    return state;
  }

  function writeState(name, values, life) {
    const state = { cdh: '', ...values, cdh: domainHash() };
    const pairs = Object.keys(state).map((key) => key + '=>' + state[key]);
    const isSafe = pairs.every((pair) => !pair.includes('|'));
    writeCookie(name, isSafe ? pairs.join('|||') : JSON.stringify(state), life);
  }

  function writeCookie(name, text, life) {
    if (isPrivate) return;
    const maxAge = life === '' ? '' : '; max-age=' + life;
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    const value = `owa_${name}=${encode(text)}`;
    const cookie = value + `; path=/${maxAge}; SameSite=Lax${secure}`;
    try {
      document.cookie = cookie + '; domain=' + domain();
      if (!document.cookie.includes(value)) document.cookie = cookie;
    } catch (e) { /* none */ }
  }

  function domain() {
    return '.' + (cookieDomain || location.hostname).replace(/^\.?(www\.)?/, '');
  }

  // CRC-32
  function domainHash() {
    let crc = -1;
    for (const character of domain()) {
      crc ^= character.charCodeAt(0);
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return (~crc >>> 0).toString(16).padStart(8, '0');
  }

  function send(endpoint, parameters) {
    const query = Object.keys(parameters)
      .filter((name) => scalar(parameters[name]) !== undefined)
      .map((name) => 'owa_' + name + '=' + encode(parameters[name]))
      .join('&');
    const url = endpoint + '?' + query;
    if (url.length > MAX_URL) {
      post(endpoint, new URLSearchParams(query));
    } else if (!beacon(url)) {
      new Image().src = url;
    }
  }

  function post(endpoint, body) {
    if (beacon(endpoint, body)) return;
    fetch(endpoint, {
      method: 'POST',
      body,
      keepalive: String(body).length < MAX_KEEPALIVE,
      mode: 'no-cors',
      credentials: 'omit',
    }).catch(() => {}); // not again: it may have arrived
  }

  /* Outlives the page. Refused when too much is on its way already. */
  function beacon(url, body) {
    try {
      return navigator.sendBeacon(url, body);
    } catch (e) {
      return false;
    }
  }

  function safely(act) {
    return (...values) => {
      try {
        act(...values);
      } catch (e) { /* none */ }
    };
  }

  function pick(values, names) {
    const picked = {};
    for (const name of names) {
      const value = scalar(values[name]);
      if (value) picked[name] = value;
    }
    return picked;
  }

  function scalar(value) {
    return /^(string|number|boolean|bigint)$/.test(typeof value) ? String(value) : undefined;
  }

  function absolute(url) {
    try {
      return scalar(url) ? new URL(url, document.baseURI).href : undefined;
    } catch (e) { /* none */ }
  }

  function newId(time) {
    let random = Math.random() * 1e9;
    try {
      random = crypto.getRandomValues(new Uint32Array(1))[0] % 1e9;
    } catch (e) { /* none */ }
    return Math.max(time, 1e9) + String(Math.floor(random)).padStart(9, '0');
  }

  // Of 64 bits, or all would be refused.
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

  // It throws at half a surrogate pair.
  function encode(value) {
    return encodeURIComponent(String(value).replace(/[\uD800-\uDFFF]/gu, '\uFFFD'));
  }

  function clip(text) {
    const characters = Array.from(text.slice(0, MAX_VALUE));
    while (encode(characters.join('')).length > MAX_VALUE) characters.pop();
    return characters.join('');
  }

  const run = safely((command) => {
    const [name, ...values] = command;
    if (Object.keys(commands).includes(name)) commands[name](...values);
  });

  function attach() {
    let queue = typeof owa_cmds === 'undefined' ? null : owa_cmds;
    const pushed = Array.isArray(queue) ? Array.from(queue) : [];
    // What forbids cookies comes first.
    pushed.filter((command) => command && command[0] === 'respectDoNotTrack').concat(pushed)
      .forEach(run);
    if (!Array.isArray(queue) || !Object.isExtensible(queue)) queue = window.owa_cmds = [];
    queue.length = 0;
    define(queue, 'push', (...commands) => {
      commands.forEach(run);
      return 0;
    });
  }

  function start() {
    if (document.prerendering) document.addEventListener('prerenderingchange', attach);
    else attach();
  }

  try {
    // The first copy goes on.
    if (typeof window.owa_attach !== 'function') window.owa_attach = start;
    window.owa_attach();
  } catch (e) { /* none */ }
})();
