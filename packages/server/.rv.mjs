import net from 'node:net';import {WebSocket} from 'ws';
const U=process.argv[2];const mode=process.argv[3];const pid=+process.argv[4];
import fs from 'node:fs';
const rss=()=>+/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`,'utf8'))[1]/1024|0;
const sleep=ms=>new Promise(r=>setTimeout(r,ms));
const guest=async()=>(await fetch(U+'/api/v1/auth/guest',{method:'POST'})).json();
const open=(t,h={})=>new Promise((res,rej)=>{const w=new WebSocket(U.replace('http','ws')+'/ws',t?['devmentor.v1','bearer.'+t]:['devmentor.v1'],{headers:h});w.frames=[];w.on('message',d=>w.frames.push(JSON.parse(d)));w.on('close',(c,r)=>{w.code=c;w.why=String(r)});w.on('error',e=>{w.err=e.message});w.on('open',()=>res(w));w.on('unexpected-response',(q,r)=>rej(new Error('refused '+r.statusCode)))});
if(mode==='ping'){ // ping flood, never reads
  const g=await guest();const s=net.connect(new URL(U).port,'127.0.0.1');
  s.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: devmentor.v1, bearer.${g.accessToken}\r\n\r\n`);
  await sleep(300);s.pause();
  const frame=Buffer.concat([Buffer.from([0x89,0x80|125,0,0,0,0]),Buffer.alloc(125,65)]);const many=Buffer.concat(Array(2000).fill(frame));
  console.log('rss',rss());let closed=false;s.on('close',()=>closed=true);s.on('error',e=>{closed=e.code});let n=0;
  const t0=Date.now();while(!closed&&Date.now()-t0<6000){ if(!s.write(many)) await Promise.race([new Promise(r=>s.once('drain',r)),sleep(1000),new Promise(r=>s.once('close',r))]); n+=2000;}
  console.log('pings',n,'closed',closed,'rss',rss());s.destroy();
}
if(mode==='misc'){
  const g=await guest();
  let w=await open(g.accessToken);w.send(JSON.stringify({t:'ping',x:'a'.repeat(300000)}));await sleep(500);console.log('huge',w.code,w.why,w.err);
  w=await open(g.accessToken);w.send(Buffer.alloc(20_000_000,97));await sleep(800);console.log('huge20M',w.code,w.why,w.err);
  w=await open(g.accessToken);w.send(Buffer.from('{"t":"ping"}'),{binary:true});await sleep(300);console.log('binary',w.code,w.why);
  w=await open(g.accessToken);for(let i=0;i<300;i++)w.send('{"t":"ping"}');await sleep(500);console.log('flood',w.code,w.why);
  w=await open(undefined);w.send('{"t":"subscribe","topics":["project:123"]}');await sleep(300);console.log('unauth',w.code,w.why,JSON.stringify(w.frames).slice(0,100));
  w=await open(g.accessToken);await sleep(100);
  for(const f of ['{"t":"subscribe","id":1,"topics":["project:nope"]}','{"t":"subscribe","id":2,"topics":["user:x"]}','{"t":"subscribe","id":3,"topics":["project:123"],"cursors":{"project:123":"garbage"}}','{"t":"subscribe","id":4,"topics":["project:123"],"cursors":{"project:123":"9999999999999999"}}','{"t":"subscribe","id":5,"topics":["project:123"],"cursors":{"project:123":"\\u0000"}}','{"t":"attach","id":6,"claimToken":"x.y","instanceId":"a"}','{"t":"claim","id":7,"projectId":"123","__proto__":{"a":1}}','{"t":"nope","id":8}','{"t":"ping","id":{}}','{"t":"claim","id":9,"projectId":"123","ttlMs":1}', '{"t":"claim","id":"'+'x'.repeat(65)+'","projectId":"123"}','{"t":"subscribe","id":10,"topics":["project:\\ud800"]}','{"t":"subscribe","id":11,"topics":["user:'+g.user.id+'"],"cursors":{"__proto__":"x"}}'])w.send(f);
  await sleep(500);for(const f of w.frames)console.log(JSON.stringify(f).slice(0,220));console.log(w.code);w.close();
}
if(mode==='leak'){
  const g=await guest();const J={'content-type':'application/json',authorization:'Bearer '+g.accessToken};
  const p=await(await fetch(U+'/api/v1/projects',{method:'POST',headers:J,body:'{"name":"l"}'})).json();
  for(let r=0;r<4;r++){
    console.log('rss',rss());
    for(let i=0;i<500;i++){const w=await open(g.accessToken);w.send(JSON.stringify({t:'subscribe',topics:['project:'+p.id]}));w.send(JSON.stringify({t:'claim',id:1,projectId:p.id}));await new Promise(r=>{const k=setInterval(()=>{if(w.frames.some(f=>f.id===1)){clearInterval(k);r()}},1)});w.terminate();}
  }
  await sleep(2000);console.log('rss',rss());
}
if(mode==='claims'){
  const g=await guest();const J={'content-type':'application/json',authorization:'Bearer '+g.accessToken};
  const p=await(await fetch(U+'/api/v1/projects',{method:'POST',headers:J,body:'{"name":"l"}'})).json();
  for(let r=0;r<5;r++){ console.log('rss',rss());
    for(let i=0;i<2000;i++){const c=await(await fetch(U+`/api/v1/projects/${p.id}/claim`,{method:'POST',headers:J,body:'{}'})).json();
    await(await fetch(U+`/api/v1/projects/${p.id}/release`,{method:'POST',headers:J,body:JSON.stringify({claimToken:c.claimToken})})).json();}
  }
}
