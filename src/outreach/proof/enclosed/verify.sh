#!/bin/bash
# 核验本证据包：只需 bash、coreutils、openssl 3，不联网，不需要制作它的系统。
# 用法：解压后在本目录运行  bash verify.sh
# Checks this bundle with bash, coreutils and openssl 3 alone. Exit code 0: everything fits.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")" || exit 2
bad=0

fail() {
	echo "  不符: $1"
	bad=$((bad + 1))
}

sha() { # digest in hex of standard input
	local digest
	digest=$(sha256sum)
	echo "${digest:0:64}"
}

bin() { # hex digits as bytes
	local hex=$1 text="" at
	for ((at = 0; at < ${#hex}; at += 2)); do text+="\\x${hex:at:2}"; done
	printf '%b' "$text"
}

node() { # the hash over two subtrees
	{
		printf '\x01'
		bin "$1"
		bin "$2"
	} | sha
}

root() { # of the checkpoint of a size
	local lines found
	[[ -e checkpoints/$1.txt ]] || return
	mapfile -t lines <"checkpoints/$1.txt"
	[[ ${lines[1]} == "$1" ]] || return
	found=$(base64 -d <<<"${lines[2]}" | od -An -v -tx1)
	echo "${found//[[:space:]]/}"
}

echo "1. 文件是否与制作时一致"
sha256sum --quiet --strict -c SHA256SUMS || bad=$((bad + 1))
declare -A listed
while read -r _ name; do listed[$name]=1; done <SHA256SUMS
for file in * */*; do
	[[ -d $file || $file == SHA256SUMS || -n ${listed[$file]:-} ]] || fail "$file 不在清单中"
done

echo "2. 记录是否前后相连"
head=$(printf '%064d' 0)
due=0
declare -A heads
while read -r seq digest next; do
	due=$((due + 1))
	[[ $seq == "$due" ]] || fail "chain.txt 第 $due 行不是第 $due 号记录"
	head=$({
		printf '\x02'
		bin "$head"
		bin "$(printf '%016x' "$due")"
		bin "$digest"
	} | sha)
	[[ $head == "$next" ]] || fail "第 $due 号记录与前一号连不上"
	heads[$due]=$next
	event=events/$(printf '%06d' "$due").json
	if [[ -e $event && $(sha <"$event") != "$digest" ]]; then fail "$event 不是入链时的原文"; fi
done <chain.txt
recorded=""
for event in events/*.json; do
	[[ -e $event ]] || continue
	number=${event//[!0-9]/}
	((10#$number >= 1 && 10#$number <= due)) || fail "$event 不在链上"
	recorded+=$(<"$event")
done

echo "3. 内容（发出的文字、应答、回复）是否为所记录的"
for payload in payloads/*.json; do
	[[ -e $payload ]] || continue
	name=${payload#payloads/}
	digest=$(cat "payloads/${name%.json}.salt" "$payload" | sha)
	[[ $(<"events/$name") == *"\"payload_sha256\":\"$digest\""* ]] || fail "$payload 与其记录不符"
done

for letter in letters/*.pdf; do
	[[ -e $letter ]] || continue
	[[ $recorded == *"\"pdf_sha256\":\"$(sha <"$letter")\""* ]] || fail "$letter 不是所记录的信函"
done

for scan in scans/*; do
	[[ -e $scan ]] || continue
	[[ $recorded == *"\"scan_sha256\":\"$(sha <"$scan")\""* ]] || fail "$scan 不是所记录的扫描件"
done

echo "4. 检查点是否由所附公钥签名"
for note in checkpoints/*.txt; do
	[[ -e $note ]] || continue
	mapfile -t lines <"$note"
	body=""
	at=0
	while ((at < ${#lines[@]})) && [[ -n ${lines[at]} ]]; do
		body+="${lines[at]}"$'\n'
		at=$((at + 1))
	done
	signed=no
	for ((at = at + 1; at < ${#lines[@]}; at++)); do
		base64 -d <<<"${lines[at]##* }" 2>/dev/null | tail -c +5 >.signature
		printf '%s' "$body" >.body
		for key in keys/*.pem; do
			[[ $key == keys/tsa.pem ]] && continue
			if openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in .body -sigfile .signature \
				>/dev/null 2>&1; then signed=yes; fi
		done
	done
	[[ $signed == yes ]] || fail "$note 的签名不是所附公钥的"
	stamp=${note%.txt}.tsr
	if [[ -e $stamp && ! -e keys/tsa.pem ]]; then
		echo "   有时间戳 $stamp，未附该机构的证书，没有核验"
	elif [[ -e $stamp ]]; then
		openssl ts -verify -data "$note" -in "$stamp" -CAfile keys/tsa.pem >/dev/null 2>&1 ||
			fail "$stamp 不是 $note 的时间戳"
	fi
done
rm -f .body .signature

echo "5. 记录是否载入检查点所签的日志"
covered=0
for leaf in log/*.leaf; do
	[[ -e $leaf ]] || continue
	mapfile -t path <"${leaf%.leaf}.path"
	read -r index size <<<"${path[0]}"
	at=$index
	last=$((size - 1))
	result=$({
		printf '\x00'
		cat "$leaf"
	} | sha)
	for each in "${path[@]:1}"; do
		if ((at & 1)) || ((at == last)); then
			result=$(node "$each" "$result")
			while ((at && !(at & 1))); do
				at=$((at >> 1))
				last=$((last >> 1))
			done
		else
			result=$(node "$result" "$each")
		fi
		at=$((at >> 1))
		last=$((last >> 1))
	done
	[[ $last == 0 && $result == "$(root "$size")" ]] || fail "$leaf 不在第 $size 号检查点的日志中"
	[[ $(<"$leaf") =~ \"head\":\"([0-9a-f]{64})\",\"seq\":([0-9]+), ]] || fail "$leaf 不是一条链的链尾"
	seq=${BASH_REMATCH[2]:-0}
	[[ ${heads[$seq]:-} == "${BASH_REMATCH[1]:-none}" ]] || fail "$leaf 不是本链第 $seq 号"
	((seq > covered)) && covered=$seq
done
for proof in checkpoints/*-*.proof; do
	[[ -e $proof ]] || continue
	name=${proof#checkpoints/}
	old=${name%-*}
	new=${name#*-}
	new=${new%.proof}
	mapfile -t path <"$proof"
	((old & (old - 1))) || path=("$(root "$old")" "${path[@]}")
	at=$((old - 1))
	last=$((new - 1))
	while ((at & 1)); do
		at=$((at >> 1))
		last=$((last >> 1))
	done
	was=${path[0]:-}
	now=$was
	for each in "${path[@]:1}"; do
		if ((at & 1)) || ((at == last)); then
			was=$(node "$each" "$was")
			now=$(node "$each" "$now")
			while ((at && !(at & 1))); do
				at=$((at >> 1))
				last=$((last >> 1))
			done
		else
			now=$(node "$now" "$each")
		fi
		at=$((at >> 1))
		last=$((last >> 1))
	done
	[[ $last == 0 && $was == "$(root "$old")" && $now == "$(root "$new")" ]] ||
		fail "$proof：第 $new 号检查点的日志不是由第 $old 号增长而来"
done
echo "   共 $due 号记录，检查点覆盖到第 $covered 号"

echo
for key in keys/*.pem; do
	[[ -e $key && $key != keys/tsa.pem ]] || continue
	print=$(openssl pkey -pubin -in "$key" -outform DER | tail -c 32 | sha)
	echo "公钥指纹 $print"
done
echo "请与另行取得的指纹（合同附件、审计方留存）对照：一致，签名才有意义。"
if ((bad > 0)); then
	echo "结论: 有 $bad 处不符。"
	exit 1
fi
echo "结论: 全部相符。"
